import assert from 'node:assert/strict'
import type { AccountId, AclChange, AclSubject, MailboxId, Store, Wake } from '../contract.ts'
import { allRights, annotationLimits } from '../contract.ts'
import { type ContractCase, rejects } from './contract-case.ts'
import { append, mailboxOf, makeAccount, sampleMessage } from './samples.ts'

const user = (account: AccountId): AclSubject => ({ kind: 'user', account })

const grant = (
  store: Store,
  mailbox: MailboxId,
  subject: AclSubject,
  rights: string,
  more: Partial<AclChange> = {},
): Promise<void> =>
  store.sharing.changeAcl(mailbox, { subject, rights, effect: 'grants', op: 'replace', ...more })

const people = async (store: Store) => {
  const alice = await makeAccount(store, 'alice@example.org')
  const bob = await makeAccount(store, 'bob@example.org')
  const project = await store.mailboxes.create(alice.id, 'Project')
  return { alice, bob, project }
}

export const sharingContract: readonly ContractCase[] = [
  [
    'RFC 4314 §2: rights are what is granted to the user, his groups and anyone, without what is denied',
    async ({ store, reopen }) => {
      const { alice, bob, project } = await people(store)
      const { sharing } = store
      assert.equal(await sharing.rights(project.id, alice.id), allRights)
      assert.equal(await sharing.rights(project.id, bob.id), '')
      await grant(store, project.id, user(bob.id), 'srl')
      await grant(store, project.id, { kind: 'anyone' }, 'lp')
      await sharing.createGroup('Team')
      await rejects(sharing.createGroup('team'), 'group-exists')
      await rejects(sharing.createGroup('two words'), 'invalid-name')
      await sharing.changeMembership('TEAM', bob.id, 'member')
      await grant(store, project.id, { kind: 'group', name: 'team' }, 'wi')
      assert.equal(await sharing.rights(project.id, bob.id), 'lrswip')
      assert.equal(await sharing.rights(project.id, 'stranger'), 'lp')
      const all = await store.mailboxes.list(alice.id)
      for (const who of [alice.id, bob.id])
        assert.deepEqual(
          await sharing.rightsOnEach(all, who),
          await Promise.all(all.map(({ id }) => sharing.rights(id, who))),
        )
      await grant(store, project.id, user(bob.id), 'w', { effect: 'denies' })
      assert.equal(await sharing.rights(project.id, bob.id), 'lrsip')
      await grant(store, project.id, user(bob.id), 'te', { op: 'add' })
      await grant(store, project.id, user(bob.id), 'r', { op: 'remove' })
      assert.equal(await sharing.rights(project.id, bob.id), 'lsipte')
      const again = await reopen()
      assert.equal(await again.sharing.rights(project.id, bob.id), 'lsipte')
      assert.deepEqual(await again.sharing.groups(), [{ name: 'team', members: [bob.id] }])
      await again.sharing.removeGroup('team')
      assert.equal(await again.sharing.rights(project.id, bob.id), 'lspte')
      await rejects(again.sharing.removeGroup('team'), 'no-such-group')
      await again.sharing.removeAclEntry(project.id, { subject: user(bob.id), effect: 'grants' })
      assert.equal(await again.sharing.rights(project.id, bob.id), 'lp')
      assert.equal(
        await again.sharing.removeAclEntry(project.id, { subject: user(bob.id), effect: 'grants' }),
        false,
      )
    },
  ],
  [
    'sharing: an owner may limit himself, and never loses l and a',
    async ({ store }) => {
      const { alice, project } = await people(store)
      await grant(store, project.id, user(alice.id), 'rs')
      assert.equal(await store.sharing.rights(project.id, alice.id), 'lrsa')
      await grant(store, project.id, user(alice.id), '')
      assert.equal(await store.sharing.rights(project.id, alice.id), 'la')
      await store.sharing.removeAclEntry(project.id, { subject: user(alice.id), effect: 'grants' })
      await grant(store, project.id, user(alice.id), 'e', { op: 'remove' })
      assert.equal(await store.sharing.rights(project.id, alice.id), 'lrswipkxta')
    },
  ],
  [
    'RFC 4314 §4: a child inherits the list, RENAME keeps it, DELETE removes it',
    async ({ store }) => {
      const { alice, bob, project } = await people(store)
      await grant(store, project.id, user(bob.id), 'lr')
      const deep = await store.mailboxes.create(alice.id, 'Project/a/b')
      assert.equal(await store.sharing.rights(deep.id, bob.id), 'lr')
      await store.mailboxes.rename(alice.id, 'Project', 'Work')
      assert.equal(await store.sharing.rights(project.id, bob.id), 'lr')
      const shared = await store.sharing.sharedWith(bob.id)
      assert.deepEqual(
        shared.map(({ mailbox, owner, rights }) => [mailbox.name, owner, rights]),
        [
          ['Work', alice.address, 'lr'],
          ['Work/a', alice.address, 'lr'],
          ['Work/a/b', alice.address, 'lr'],
        ],
      )
      await store.mailboxes.remove(alice.id, 'Work/a/b')
      await store.mailboxes.remove(alice.id, 'Work')
      assert.deepEqual(
        (await store.sharing.sharedWith(bob.id)).map(({ mailbox }) => mailbox.name),
        ['Work/a'],
      )
      const work = await store.mailboxes.create(alice.id, 'Work')
      assert.equal(await store.sharing.rights(work.id, bob.id), '')
    },
  ],
  [
    'sharing: a removed account is in no list and no group any more',
    async ({ store }) => {
      const { alice, bob, project } = await people(store)
      await grant(store, project.id, user(bob.id), 'lr')
      await store.sharing.createGroup('team')
      await store.sharing.changeMembership('team', bob.id, 'member')
      await store.annotations.change(project.id, [
        { name: '/comment', scope: bob.id, value: Buffer.from('mine') },
      ])
      await store.accounts.remove(bob.id)
      assert.deepEqual(await store.sharing.acl(project.id), [])
      assert.deepEqual(await store.sharing.groups(), [{ name: 'team', members: [] }])
      assert.deepEqual(await store.annotations.list(project.id, bob.id), [])
      await rejects(grant(store, project.id, user(bob.id), 'l'), 'no-such-account')
      // Who was logged in is nobody now.
      await grant(store, project.id, { kind: 'anyone' }, 'l')
      await grant(store, project.id, { kind: 'authenticated' }, 'r')
      assert.equal(await store.sharing.rights(project.id, bob.id), '')
      assert.equal(await store.sharing.rights(project.id, 'stranger'), 'l')
      assert.deepEqual(await store.sharing.sharedWith(bob.id), [])
      await store.accounts.remove(alice.id)
      await rejects(grant(store, project.id, { kind: 'anyone' }, 'l'), 'no-such-mailbox')
    },
  ],
  [
    'RFC 4314 §4: of flags, STORE and COPY take what the mask lets through',
    async ({ store }) => {
      const { alice, project } = await people(store)
      const inbox = await mailboxOf(store, alice)
      await append(store, inbox.id, sampleMessage(1), 0b01101, ['old'])
      const uids = Uint32Array.of(1)
      const stored = await store.messages.changeFlags(inbox.id, uids, {
        op: 'replace',
        flags: { system: 0b10010, keywords: ['new'] },
        within: { system: 0b00011, keywords: 'none' },
      })
      assert.deepEqual(stored.keywords, ['old'])
      assert.equal(stored.changed.flags0[0], 0b01110 | (1 << 5))
      await store.messages.copy(inbox.id, uids, project.id, { system: 0b00010, keywords: 'none' })
      await store.messages.copy(inbox.id, uids, project.id)
      const flags: number[] = []
      for await (const batch of store.messages.fetch(project.id, Uint32Array.of(1, 2), {}))
        flags.push(...batch.flags0)
      assert.deepEqual(flags, [0b00010, 0b01110 | (1 << 5)])
    },
  ],
  [
    'RFC 9208 §5.2: a limit of messages holds for APPEND, COPY and MOVE between accounts',
    async ({ store }) => {
      const { alice, bob, project } = await people(store)
      await store.accounts.update(alice.id, { quotaMessages: 2 })
      const theirs = await mailboxOf(store, bob)
      for (const number of [1, 2, 3]) await append(store, theirs.id, sampleMessage(number))
      await store.messages.copy(theirs.id, Uint32Array.of(1), project.id)
      await rejects(store.messages.copy(theirs.id, Uint32Array.of(2, 3), project.id), 'over-quota')
      await store.messages.move(theirs.id, Uint32Array.of(2), project.id)
      await rejects(append(store, project.id, sampleMessage(4)), 'over-quota')
      const { usedMessages, limitMessages } = await store.mailboxes.quota(alice.id)
      assert.deepEqual([usedMessages, limitMessages], [2, 2])
    },
  ],
  [
    'RFC 5464 §4.1: annotations are private or shared, go with the mailbox, follow a rename',
    async ({ store, reopen }) => {
      const { alice, bob, project } = await people(store)
      const wakes: Wake[] = []
      store.watch((wake) => wakes.push(wake))
      const long = Buffer.alloc(5_000, 'x')
      await store.annotations.change(
        project.id,
        [
          { name: '/comment', scope: 'shared', value: long },
          { name: '/comment', scope: bob.id, value: Buffer.from('of bob') },
        ],
        'me',
      )
      assert.deepEqual(
        wakes.map((wake) =>
          wake.kind === 'annotations' ? [wake.names, wake.privateTo, wake.origin] : wake.kind,
        ),
        [
          [['/shared/comment'], undefined, 'me'],
          [['/private/comment'], bob.id, 'me'],
        ],
      )
      await store.mailboxes.rename(alice.id, 'Project', 'Work')
      const again = await reopen()
      const [shared] = await again.annotations.list(project.id, 'shared')
      assert.deepEqual([shared?.name, Buffer.from(shared?.value ?? []).equals(long)], ['/comment', true])
      assert.equal(String((await again.annotations.list(project.id, bob.id))[0]?.value), 'of bob')
      assert.deepEqual(await again.annotations.list(project.id, alice.id), [])
      await again.annotations.change(project.id, [{ name: '/comment', scope: 'shared', value: undefined }])
      assert.deepEqual(await again.annotations.list(project.id, 'shared'), [])
      await again.annotations.change('server', [{ name: '/a', scope: bob.id, value: Buffer.alloc(0) }])
      assert.equal((await again.annotations.list('server', bob.id)).length, 1)
      await again.mailboxes.remove(alice.id, 'Work')
      assert.deepEqual(await again.annotations.list(project.id, bob.id), [])
    },
  ],
  [
    'RFC 5464 §4.3: annotations are limited in size and number, and set all or none',
    async ({ store }) => {
      const { project } = await people(store)
      const set = (name: string, sizeBytes: number) => ({
        name,
        scope: 'shared' as const,
        value: Buffer.alloc(sizeBytes, 'v'),
      })
      await rejects(
        store.annotations.change(project.id, [set('/a', 1), set('/b', annotationLimits.valueBytes + 1)]),
        'too-large',
      )
      assert.deepEqual(await store.annotations.list(project.id, 'shared'), [])
      const many = Array.from({ length: annotationLimits.count }, (_, n) => set(`/n${n}`, 3))
      await store.annotations.change(project.id, many)
      await rejects(store.annotations.change(project.id, [set('/more', 3)]), 'limit')
      await store.annotations.change(project.id, [set('/n0', 4)])
      assert.equal((await store.annotations.list(project.id, 'shared')).length, annotationLimits.count)
    },
  ],
]
