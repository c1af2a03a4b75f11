import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startImapFixture } from '../testkit/imap-fixture.ts'

const body = (number: number, size: number): string =>
  `Subject: ${number}\r\n\r\n${`${String.fromCharCode(0x61 + (number % 26)).repeat(70)}\r\n`.repeat(Math.ceil(size / 72))}`

test('RFC 9051 §6.4.5: whole messages come octet for octet, whatever stands before and behind them', async (t) => {
  const imap = await startImapFixture(t)
  const client = await imap.login()
  const messages = Array.from({ length: 90 }, (_, n) => body(n, (n % 9) ** 4 * 9))
  messages.push('\r\n', 'a: b\r\n\r\n', body(1, 900_000), body(2, 40))
  for (const [n, message] of messages.entries())
    await client.append('INBOX', message, n % 2 === 0 ? '(\\Seen keyword)' : '()')
  await client.ok('EXAMINE INBOX')
  let flags = (n: number): string => (n % 2 === 0 ? 'FLAGS (\\Seen \\Recent keyword)' : 'FLAGS (\\Recent)')
  const octets = (n: number): string => `BODY[] {${messages[n]!.length}}\r\n${messages[n]!}`
  const size = (n: number): string => `RFC822.SIZE ${messages[n]!.length}`
  const forms: readonly [string, (n: number) => string][] = [
    ['UID BODY.PEEK[]', (n) => `UID ${n + 1} ${octets(n)}`],
    ['BODY.PEEK[] RFC822.SIZE UID', (n) => `${octets(n)} ${size(n)} UID ${n + 1}`],
    ['UID FLAGS BODY[] RFC822.SIZE', (n) => `UID ${n + 1} ${flags(n)} ${octets(n)} ${size(n)}`],
  ]
  const compare = async (sets: readonly string[]): Promise<void> => {
    for (const [items, form] of forms)
      for (const set of sets) {
        const wanted = messages.map((_, n) => n).filter((n) => isIn(set, n + 1, messages.length))
        const lines = await client.ok(`UID FETCH ${set} (${items})`)
        const expected = wanted.map((n) => `* ${n + 1} FETCH (${form(n)})`).join('\r\n')
        assert.ok(lines.slice(0, -1).join('\r\n') === expected, `${items} of ${set}`)
      }
  }
  await compare(['1:*', '3,5:40,90:94', '94'])
  // Flags longer than what lies between two messages.
  const keywords = Array.from({ length: 40 }, (_, n) => `keyword-${n}-${'k'.repeat(30)}`).join(' ')
  const other = await imap.login('INBOX')
  await other.ok(`STORE 1:* +FLAGS.SILENT (${keywords})`)
  await client.ok('NOOP')
  flags = (n) => (n % 2 === 0 ? `FLAGS (\\Seen keyword ${keywords})` : `FLAGS (${keywords})`)
  await client.ok('EXAMINE INBOX')
  await compare(['1:*'])
})

function isIn(set: string, uid: number, most: number): boolean {
  return set.split(',').some((part) => {
    const [from, to] = part.split(':')
    const last = to === '*' ? most : Number(to ?? from)
    return uid >= Number(from) && uid <= last
  })
}

test('BODY[] marks what it tells, BODY.PEEK[] beside it does not; messages that came or went meanwhile are left out', async (t) => {
  const imap = await startImapFixture(t)
  const client = await imap.login()
  for (const n of [0, 1, 2, 3]) await client.append('INBOX', body(n, 500), n === 1 ? '(\\Seen)' : '()')
  await client.ok('SELECT INBOX')
  const other = await imap.login('INBOX')
  await other.append('INBOX', body(4, 500))
  await other.ok('STORE 3 +FLAGS.SILENT (\\Deleted)')
  await other.ok('EXPUNGE')
  client.send('a FETCH 1:4 (UID BODY.PEEK[])\r\n')
  const lines = await client.until(/^a /)
  assert.deepEqual(
    lines.flatMap((line) => /^\* (\d) FETCH \(UID (\d) BODY/.exec(line)?.slice(1, 3).join(':') ?? []),
    ['1:1', '2:2', '4:4'],
  )
  assert.match(lines.at(-1)!, /^a NO \[EXPUNGEISSUED\]/)
  await client.ok('NOOP')
  const marked = await client.ok('UID FETCH 1:2 (UID BODY[])')
  assert.deepEqual(
    marked.filter((line) => line.startsWith('* ')),
    [
      `* 1 FETCH (FLAGS (\\Seen \\Recent) UID 1 BODY[] {${body(0, 500).length}}`,
      `* 2 FETCH (UID 2 BODY[] {${body(1, 500).length}}`,
    ],
  )
})

test('a client that reads slowly gets every octet of a large mailbox, and others are answered meanwhile', async (t) => {
  const imap = await startImapFixture(t)
  const client = await imap.login()
  const messages = Array.from({ length: 40 }, (_, n) => body(n, 400_000 + n))
  for (const message of messages) await client.append('INBOX', message, '(\\Seen)')
  await client.ok('SELECT INBOX')
  const other = await imap.login('INBOX')
  client.socket.pause()
  client.send('a FETCH 1:* (BODY.PEEK[])\r\nb FETCH 1:* (BODY.PEEK[])\r\n')
  for (let round = 0; round < 20; round++) await other.ok('FETCH 1:5 (BODY.PEEK[])')
  client.socket.resume()
  const expected = messages
    .map((message, n) => `* ${n + 1} FETCH (BODY[] {${message.length}}\r\n${message})`)
    .join('\r\n')
  for (const tag of ['a', 'b']) {
    const lines = await client.until(new RegExp(`^${tag} OK`))
    assert.ok(lines.slice(0, -1).join('\r\n') === expected, tag)
  }
})
