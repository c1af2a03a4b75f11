import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startImapFixture } from '../testkit/imap-fixture.ts'

test('RFC 4314: the sessions of a removed account see nothing of what is shared with everybody', async (t) => {
  const imap = await startImapFixture(t)
  const owner = await imap.connect()
  await owner.ok('LOGIN bob@example.org secret')
  await owner.append('INBOX', 'Subject: of bob\r\n\r\nx')
  await owner.ok('SETACL INBOX anyone lrswite')
  await owner.ok('SETACL INBOX authenticated lrswite')
  const box = '"Other Users/bob/INBOX"'
  const reader = await imap.login()
  await reader.ok(`SELECT ${box}`)
  const idle = await imap.login()
  await idle.ok(`STATUS ${box} (MESSAGES)`)
  const alice = await imap.store.accounts.find('alice@example.org')
  await imap.store.accounts.remove(alice!.id)
  // One of the same name is somebody else.
  await imap.store.accounts.create({ ...alice!, enabled: true })
  await assert.rejects(reader.command('FETCH 1 BODY[]'), /\* BYE You may not read/)
  assert.match((await idle.command(`STATUS ${box} (MESSAGES)`)).at(-1)!, /^NO \[NONEXISTENT\]/)
  assert.match((await idle.command(`SELECT ${box}`)).at(-1)!, /^NO \[NONEXISTENT\]/)
  assert.match((await idle.command('SELECT INBOX')).at(-1)!, /^NO /)
  const made = await imap.login()
  await made.ok(`SELECT ${box}`)
})
