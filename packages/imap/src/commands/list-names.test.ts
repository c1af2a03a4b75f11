import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startImapFixture } from '../testkit/imap-fixture.ts'
import { attributesOf, listNames } from './list-names.ts'

test('RFC 9051 §6.3.9: names that are not asked for are told of by their parents, and not read', async (t) => {
  const { store } = await startImapFixture(t)
  const account = await store.accounts.find('alice@example.org')
  assert.ok(account !== undefined)
  for (const name of ['a/b/c', 'a/d', 'e']) await store.mailboxes.create(account.id, name)
  await store.mailboxes.remove(account.id, 'a')
  await store.mailboxes.subscribe(account.id, 'e', 'subscribed')
  await store.mailboxes.subscribe(account.id, 'gone/f', 'subscribed')
  const all = await listNames({ store, account })
  const some = await listNames({ store, account }, (name) => name === 'a' || name === 'a/d')
  assert.deepEqual([...some.keys()], [...all.keys()])
  for (const [name, entry] of some) {
    const { exists, subscribed, hasChildren, mailbox } = all.get(name)!
    assert.deepEqual([entry.exists, entry.subscribed, entry.hasChildren], [exists, subscribed, hasChildren])
    assert.deepEqual(entry.mailbox, name === 'a' || name === 'a/d' ? mailbox : undefined, name)
  }
  assert.deepEqual(attributesOf(some.get('a')!), ['\\NonExistent', '\\Noselect', '\\HasChildren'])
  assert.deepEqual(attributesOf(some.get('gone')!), ['\\NonExistent', '\\Noselect', '\\HasNoChildren'])
  const subscribed = await listNames({ store, account }, (_, subscription) => subscription === 'subscribed')
  assert.equal(subscribed.get('e')?.mailbox?.name, 'e')
  assert.equal(subscribed.get('a/d')?.mailbox, undefined)
})
