import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answer, literal, plain, withMessages } from '../testkit/fetch-samples.ts'

test('a message above the limit for one piece comes in pieces, octet for octet', async (t) => {
  const body = Array.from({ length: 25_000 }, (_, line) => `line ${line} ${'x'.repeat(50)}`).join('\r\n')
  const large = `Subject: large\r\n\r\n${body}\r\n`
  const { client } = await withMessages(t, [plain, large, plain])
  const got = await answer(client, 'FETCH 1:3 (UID BODY.PEEK[])')
  assert.equal(
    got,
    [plain, large, plain]
      .map((text, at) => `* ${at + 1} FETCH (UID ${at + 1} BODY[] ${literal(text)})`)
      .join('\n'),
  )
  assert.equal(
    await answer(
      client,
      'FETCH 2 (BODY.PEEK[TEXT]<300000.10> BODY.PEEK[HEADER.FIELDS (SUBJECT)] BODY.PEEK[7])',
    ),
    `* 2 FETCH (BODY[TEXT]<300000> ${literal(body.slice(300_000, 300_010))} ` +
      `BODY[HEADER.FIELDS (SUBJECT)] ${literal('Subject: large\r\n\r\n')} BODY[7] NIL)`,
  )
})

test('a large message removed while it is being sent ends the connection: its literal has no other end', async (t) => {
  const large = `Subject: large\r\n\r\n${'0123456789\r\n'.repeat(150_000)}`
  const { imap, client } = await withMessages(t, [large])
  const { messages } = imap.store
  const { read } = messages
  let pieces = 0
  messages.read = async (mailbox, uid, start, end) =>
    ++pieces > 2 ? undefined : read.call(messages, mailbox, uid, start, end)
  client.send('x FETCH 1 BODY.PEEK[]\r\n')
  const lines = await client.end()
  assert.equal(lines[0], `* 1 FETCH (BODY[] {${large.length}}`)
  assert.ok(lines.join('\r\n').length < large.length)
  assert.ok(imap.log.some(({ level, error }) => level === 'error' && /removed/.test(String(error))))
  messages.read = async () => undefined
  const other = await imap.login('INBOX')
  assert.match((await other.command('FETCH 1 BODY.PEEK[]')).at(-1)!, /^NO \[EXPUNGEISSUED\]/)
})
