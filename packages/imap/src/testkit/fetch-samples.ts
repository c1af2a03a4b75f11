import type { TestContext } from 'node:test'
import { startImapFixture } from './imap-fixture.ts'

export const lines = (...text: string[]) => `${text.join('\r\n')}\r\n`

export const plain = lines(
  'From: Ann <ann@example.org>',
  'To: bob@example.org',
  'Subject: Hello',
  'X-A: 1',
  '',
  'one',
  'two',
)

/** RFC 9051 §6.4.5.1: the example of part numbers. */
export const nested = lines(
  'Subject: outer',
  'Content-Type: multipart/mixed; boundary=a',
  '',
  '--a',
  '',
  'first',
  '--a',
  'Content-Type: application/octet-stream',
  'Content-Transfer-Encoding: base64',
  '',
  'AAAA',
  '--a',
  'Content-Type: message/rfc822',
  '',
  'Subject: inner',
  'Content-Type: multipart/mixed; boundary=b',
  '',
  '--b',
  '',
  'inner text',
  '--b',
  'Content-Type: image/gif',
  '',
  'GIF',
  '--b--',
  '--a--',
)

export async function withMessages(t: TestContext, messages: readonly string[]) {
  const imap = await startImapFixture(t)
  const client = await imap.login()
  for (const message of messages) await client.append('INBOX', message, '() "17-Jul-1996 02:44:25 -0700"')
  await client.ok('SELECT INBOX')
  return { imap, client }
}

/** The untagged lines of a command as one text. */
export async function answer(
  client: { ok(text: string): Promise<string[]> },
  command: string,
): Promise<string> {
  return (await client.ok(command)).slice(0, -1).join('\n')
}

export const literal = (text: string) => `{${text.length}}\n${text.replaceAll('\r\n', '\n')}`
