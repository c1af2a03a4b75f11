import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startImapFixture } from '../testkit/imap-fixture.ts'

test('RFC 9051 §7.1.1: who holds the end of a command back until its literal is acknowledged hears of us', async (t) => {
  const imap = await startImapFixture(t)
  const client = await imap.login('INBOX')
  client.send('a APPEND INBOX {5}\r\n')
  assert.equal(await client.line(), '+ OK')
  client.send('hello')
  assert.equal(await client.line(), '* OK Still here')
  client.send('\r\n')
  assert.match((await client.until(/^a /)).at(-1)!, /^a OK \[APPENDUID /)
})

test('so does who announces a literal that it does not wait to send', async (t) => {
  const imap = await startImapFixture(t)
  const client = await imap.login('INBOX')
  client.send('b SEARCH SUBJECT {5+}\r\n')
  assert.equal(await client.line(), '* OK Still here')
  client.send('hello')
  assert.equal(await client.line(), '* OK Still here')
  client.send('\r\n')
  assert.deepEqual(await client.until(/^b /), ['* SEARCH', 'b OK Search completed'])
})

test('what comes whole is answered with nothing else, and a client that thinks is not hurried', async (t) => {
  const imap = await startImapFixture(t)
  const client = await imap.login('INBOX')
  client.send('a SEARCH SUBJECT {5+}\r\nhello\r\n')
  assert.deepEqual(await client.until(/^a /), ['* SEARCH', 'a OK Search completed'])
  client.send('b APPEND INBOX {5}\r\n')
  assert.equal(await client.line(), '+ OK')
  await new Promise((resolve) => setTimeout(resolve, 20))
  client.send('hel')
  await new Promise((resolve) => setTimeout(resolve, 20))
  client.send('lo\r\n')
  assert.match((await client.until(/^b /))[0]!, /^\* 1 EXISTS$/)
})
