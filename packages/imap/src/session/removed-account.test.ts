import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Logins } from '@posthorn/accounts'
import { startImapFixture } from '../testkit/imap-fixture.ts'

/** The wake-up that ends them may be late. */
const deaf: Logins = {
  enter: () => () => undefined,
  list: async () => [],
  kick: async () => 0,
  close: () => undefined,
}

test('RFC 4314: the sessions of a removed account see nothing of what is shared with everybody', async (t) => {
  const imap = await startImapFixture(t, {}, { logins: deaf })
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
