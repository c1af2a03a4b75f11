import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import type { AccountId, Mailbox, MailboxId, ModSeq, NamedMailbox, Uid } from '../contract.ts'
import { type ContractCase, rejects } from './contract-case.ts'
import { append, mailboxOf, makeAccount, sampleMessage } from './samples.ts'

export const accountsContract: readonly ContractCase[] = [
  [
    'accounts: created, found in any case, changed, removed with their mail',
    async ({ store }) => {
      const alice = await makeAccount(store, 'Alice@Example.ORG')
      assert.equal(alice.address, 'alice@example.org')
      assert.equal((await store.accounts.find('ALICE@example.org'))?.id, alice.id)
      await rejects(makeAccount(store, 'alice@example.org'), 'account-exists')
      const renamed = await store.accounts.update(alice.id, { address: 'Al@example.org', enabled: false })
      assert.deepEqual([renamed.address, renamed.enabled], ['al@example.org', false])
      assert.equal(await store.accounts.find('alice@example.org'), undefined)
      const inbox = await mailboxOf(store, renamed)
      await append(store, inbox.id, sampleMessage(1))
      await store.accounts.remove(alice.id)
      assert.equal(await store.accounts.get(alice.id), undefined)
      assert.equal(await store.mailboxes.get(inbox.id), undefined)
      await rejects(store.accounts.remove(alice.id), 'no-such-account')
      await rejects(makeAccount(store, `${'x'.repeat(5000)}@example.org`), 'invalid-name')
      assert.equal(await store.accounts.find(`${'x'.repeat(5000)}@example.org`), undefined)
      await store.accounts.setDomains(['Example.ORG', 'example.org'])
      assert.deepEqual(await store.accounts.domains(), ['example.org'])
    },
  ],
]

const namedOf = ({
  id,
  account,
  name,
  uidValidity,
  specialUse,
  subscribed,
  selectable,
  objectId,
}: Mailbox): NamedMailbox => ({
  id,
  account,
  name,
  uidValidity,
  specialUse,
  subscribed,
  selectable,
  objectId,
})

export const mailboxesContract: readonly ContractCase[] = [
  [
    'RFC 9051 §2.3.1.1: a mailbox from another server goes on under its UIDVALIDITY and UIDs',
    async ({ store }) => {
      const account = await makeAccount(store)
      const { id } = await store.mailboxes.create(account.id, 'Moved')
      const moved = await store.mailboxes.continueFrom(id, { uidValidity: 1_234_567, uidNext: 7 })
      assert.deepEqual([moved.uidValidity, moved.uidNext, moved.firstRecent], [1_234_567, 7, 7])
      await store.mailboxes.continueFrom(id, { uidValidity: 1_234_567, uidNext: 3 })
      const uids = []
      for (const uid of [9, 4, 20] as Uid[])
        uids.push((await append(store, id, sampleMessage(uid), 0, [], uid)).uid)
      assert.deepEqual(uids, [9, 10, 20])
      await rejects(store.mailboxes.continueFrom(id, { uidValidity: 5, uidNext: 30 }), 'limit')
      await rejects(store.mailboxes.continueFrom(id, { uidValidity: 1_234_567, uidNext: 2 ** 32 }), 'limit')
      const { modSeq } = await store.messages.view(id)
      const resync = await store.messages.changesSince(id, 5_000 as ModSeq)
      assert.deepEqual([...resync.changed.uids], [9, 10, 20])
      assert.deepEqual([...resync.vanished].slice(0, 9), [1, 2, 3, 4, 5, 6, 7, 8, 11])
      assert.deepEqual([...(await store.messages.changesSince(id, modSeq)).vanished], [])
      await rejects(
        store.mailboxes.continueFrom((id + 100) as MailboxId, { uidValidity: 1, uidNext: 1 }),
        'no-such-mailbox',
      )
      const next = await store.mailboxes.create(account.id, 'New')
      assert.ok(next.uidValidity > 1_234_567)
    },
  ],
  [
    'unique-ids from elsewhere are kept for their UIDs, and go with the mailbox',
    async ({ store, reopen }) => {
      const account = await makeAccount(store)
      const { id } = await store.mailboxes.create(account.id, 'Old')
      const next = await store.mailboxes.create(account.id, 'Next')
      const many = new Map(Array.from({ length: 4_500 }, (_, at) => [3 * at + 1, `UID${at}-17`]))
      await store.mailboxes.keepUniqueIds(id, many)
      await store.mailboxes.keepUniqueIds(id, new Map([[4, '!~']]))
      await store.mailboxes.keepUniqueIds(next.id, new Map([[1, 'other']]))
      for (const wrong of ['', 'a b', 'ü', 'x'.repeat(71)])
        await rejects(store.mailboxes.keepUniqueIds(id, new Map([[2, wrong]])), 'invalid-name')
      const again = await reopen()
      assert.deepEqual(await again.mailboxes.uniqueIds(id), new Map([...many, [4, '!~']]))
      await again.mailboxes.remove(account.id, 'Old')
      for (let tries = 0; (await again.mailboxes.uniqueIds(id)).size > 0; tries++) {
        assert.ok(tries < 2_000, 'removed with the mailbox')
        await setTimeout(5)
      }
      assert.deepEqual(await again.mailboxes.uniqueIds(next.id), new Map([[1, 'other']]))
      await rejects(again.mailboxes.keepUniqueIds(id, new Map([[1, 'x']])), 'no-such-mailbox')
    },
  ],
  [
    'names: all of them, INBOX first; mailboxes are read where they are wanted',
    async ({ store }) => {
      const { id } = await makeAccount(store)
      await makeAccount(store, 'bob@example.org')
      for (const name of ['a/b/c', 'B', '日本']) await store.mailboxes.create(id, name)
      await store.mailboxes.subscribe(id, 'a/b', 'subscribed')
      const all = await store.mailboxes.list(id)
      const asked: string[] = []
      const names = await store.mailboxes.names(id, (name) => asked.push(name) > 0 && name.startsWith('a/'))
      assert.deepEqual(
        [...names.keys()],
        all.map(({ name }) => name),
      )
      assert.deepEqual(asked, [...names.keys()])
      assert.equal(asked[0], 'INBOX')
      for (const mailbox of all) {
        const isWanted = mailbox.name.startsWith('a/')
        assert.deepEqual(names.get(mailbox.name), isWanted ? namedOf(mailbox) : undefined)
        assert.deepEqual(mailbox, await store.mailboxes.get(mailbox.id))
      }
      assert.equal(names.get('a/b')?.subscribed, true)
      assert.deepEqual(
        await store.mailboxes.list(id, (name) => name.startsWith('a/')),
        all.filter(({ name }) => name.startsWith('a/')),
      )
      await rejects(
        store.mailboxes.names((id + 100) as AccountId, () => true),
        'no-such-account',
      )
    },
  ],
  [
    'mailboxes: defaults with special-use, INBOX first',
    async ({ store }) => {
      const account = await makeAccount(store)
      const list = await store.mailboxes.list(account.id)
      assert.deepEqual(
        list.map(({ name, specialUse }) => [name, ...specialUse]),
        [
          ['INBOX'],
          ['Archive', 'Archive'],
          ['Drafts', 'Drafts'],
          ['Junk', 'Junk'],
          ['Sent', 'Sent'],
          ['Trash', 'Trash'],
        ],
      )
      assert.ok(list.every(({ subscribed }) => subscribed))
    },
  ],
  [
    'RFC 9051 §6.3.4: CREATE makes missing parents; §6.3.5: DELETE keeps a parent of children',
    async ({ store }) => {
      const { id } = await makeAccount(store)
      const made = await store.mailboxes.create(id, 'a/b/c')
      assert.equal(made.name, 'a/b/c')
      assert.ok(await store.mailboxes.find(id, 'a/b'))
      await rejects(store.mailboxes.create(id, 'a'), 'mailbox-exists')
      const parent = await mailboxOf(store, { id } as never, 'a/b')
      await append(store, parent.id, sampleMessage(1))
      await store.mailboxes.remove(id, 'a/b')
      const kept = await store.mailboxes.find(id, 'a/b')
      assert.deepEqual([kept?.selectable, kept?.messages], [false, 0])
      await rejects(append(store, parent.id, sampleMessage(1)), 'no-such-mailbox')
      await rejects(store.mailboxes.remove(id, 'a/b'), 'has-children')
      const again = await store.mailboxes.create(id, 'a/b')
      assert.ok(again.uidValidity > parent.uidValidity)
      await rejects(store.mailboxes.remove(id, 'INBOX'), 'invalid-name')
    },
  ],
  [
    'RFC 9051 §2.3.1.1: UIDVALIDITY changes when a mailbox is made anew',
    async ({ store }) => {
      const { id } = await makeAccount(store)
      const seen = new Set<number>()
      for (let round = 0; round < 5; round++) {
        seen.add((await store.mailboxes.create(id, 'again')).uidValidity)
        await store.mailboxes.remove(id, 'again')
      }
      assert.equal(seen.size, 5)
    },
  ],
  [
    'RFC 9051 §6.3.6: RENAME takes children along; INBOX gives its messages',
    async ({ store }) => {
      const account = await makeAccount(store)
      const made = await store.mailboxes.create(account.id, 'a/b')
      await append(store, made.id, sampleMessage(1))
      await store.mailboxes.rename(account.id, 'a', 'x/y')
      const moved = await mailboxOf(store, account, 'x/y/b')
      assert.deepEqual([moved.id, moved.objectId, moved.messages], [made.id, made.objectId, 1])
      assert.equal(await store.mailboxes.find(account.id, 'a'), undefined)
      await rejects(store.mailboxes.rename(account.id, 'x', 'x/z'), 'invalid-name')
      const inbox = await mailboxOf(store, account)
      await append(store, inbox.id, sampleMessage(2))
      await store.mailboxes.rename(account.id, 'inbox', 'old')
      assert.equal((await mailboxOf(store, account)).messages, 0)
      assert.equal((await mailboxOf(store, account, 'old')).messages, 1)
    },
  ],
  [
    'names: limits are errors of their kind',
    async ({ store }) => {
      const { id } = await makeAccount(store)
      for (const name of ['', 'a//b', '/a', 'a\u0000', 'x'.repeat(1001), `${'a/'.repeat(40)}a`]) {
        await rejects(store.mailboxes.create(id, name), 'invalid-name')
        assert.equal(await store.mailboxes.find(id, name), undefined)
      }
      const long = 'ü'.repeat(500)
      assert.equal((await store.mailboxes.create(id, long)).name, long)
      await store.mailboxes.subscribe(id, 'nowhere', 'subscribed')
      assert.ok((await store.mailboxes.subscriptions(id)).includes('nowhere'))
      await store.mailboxes.subscribe(id, 'nowhere', 'unsubscribed')
      assert.ok(!(await store.mailboxes.subscriptions(id)).includes('nowhere'))
    },
  ],
]
