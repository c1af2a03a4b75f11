import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startImapFixture } from '../testkit/imap-fixture.ts'

test('RFC 3516 §4.4: a message with NUL comes by literal8, is kept, and BINARY gives it back', async (t) => {
  const imap = await startImapFixture(t)
  const client = await imap.login()
  const header = 'Content-Transfer-Encoding: binary\r\nMIME-Version: 1.0\r\n\r\n'
  const message = `${header}a\0b`
  await client.ok(`APPEND INBOX (\\Seen) ~{${message.length}+}\r\n${message}`)
  await client.ok('SELECT INBOX')
  const lines = await client.ok('FETCH 1 (BINARY.SIZE[1] BINARY.PEEK[1])')
  assert.deepEqual(lines.slice(0, 2), ['* 1 FETCH (BINARY.SIZE[1] 3 BINARY[1] ~{3}', 'a\0b)'])
  const refused = await client.command(`APPEND INBOX {${message.length}+}\r\n${message}`)
  assert.match(refused.at(-1)!, /^NO \[CANNOT\]/)
})
