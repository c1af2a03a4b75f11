import assert from 'node:assert/strict'
import { type Mailbox, type ModSeq, systemFlag, type Uid } from '../contract.ts'
import { type ContractCase, none, rejects } from './contract-case.ts'
import { append, mailboxOf, makeAccount, sampleMessage, stage } from './samples.ts'

export const messagesContract: readonly ContractCase[] = [
  [
    'RFC 3502: several messages are appended all or none; UIDs ascend',
    async ({ store }) => {
      const account = await makeAccount(store, 'q@example.org', 10_000)
      const { id } = await mailboxOf(store, account)
      const items = async (...sizes: number[]) =>
        Promise.all(
          sizes.map(async (n) => ({
            message: await stage(store, sampleMessage(n, n)),
            flags: none,
            internalDateMs: 5,
          })),
        )
      const placed = await store.messages.append(id, await items(1000, 2000))
      assert.deepEqual(
        placed.map(({ uid }) => uid),
        [1, 2],
      )
      await rejects(store.messages.append(id, await items(4000, 6000)), 'over-quota')
      assert.equal((await store.messages.view(id)).uids.length, 2)
    },
  ],
  [
    'quota counters equal the sum, copies included',
    async ({ store }) => {
      const account = await makeAccount(store)
      const inbox = await mailboxOf(store, account)
      const trash = await mailboxOf(store, account, 'Trash')
      for (let n = 1; n <= 6; n++) await append(store, inbox.id, sampleMessage(n, n * 500))
      await store.messages.copy(inbox.id, Uint32Array.of(1, 2, 3), trash.id)
      await store.messages.move(inbox.id, Uint32Array.of(4), trash.id)
      await store.messages.discard(inbox.id, Uint32Array.of(5))
      const list = await store.mailboxes.list(account.id)
      const sum = list.reduce((total, { sizeBytes }) => total + sizeBytes, 0)
      const quota = await store.mailboxes.quota(account.id)
      assert.deepEqual([quota.usedBytes, quota.usedMessages], [sum, 8])
      await store.accounts.update(account.id, { quotaBytes: quota.usedBytes })
      await rejects(store.messages.copy(inbox.id, Uint32Array.of(1), trash.id), 'over-quota')
      await rejects(append(store, inbox.id, sampleMessage(1)), 'over-quota')
    },
  ],
  [
    'flags: add, remove, replace, keywords in any case, 59 at most, slots used again',
    async ({ store }) => {
      const account = await makeAccount(store)
      const { id } = await mailboxOf(store, account)
      await append(store, id, sampleMessage(1), systemFlag.seen, ['Work'])
      await append(store, id, sampleMessage(2))
      const change = (op: 'add' | 'remove' | 'replace', system: number, ...keywords: string[]) =>
        store.messages.changeFlags(id, Uint32Array.of(1), { op, flags: { system, keywords } })
      const added = await change('add', systemFlag.deleted, 'WORK', 'other')
      assert.deepEqual(added.keywords, ['Work', 'other'])
      assert.equal(added.changed.flags0[0], systemFlag.seen | systemFlag.deleted | 32 | 64)
      const removed = await change('remove', systemFlag.seen, 'work', 'unknown')
      assert.equal(removed.changed.flags0[0], systemFlag.deleted | 64)
      const many = Array.from({ length: 57 }, (_, index) => `k${index}`)
      await change('replace', 0, ...many)
      await rejects(change('add', 0, 'one', 'two', 'three'), 'limit')
      const full = await change('add', 0, 'one', 'two')
      assert.equal(full.keywords.length, 59)
      assert.equal(full.changed.flags1[0], 0xffff_ffff)
      const { unseen, deleted } = await mailboxOf(store, account)
      assert.deepEqual([unseen, deleted], [2, 0])
    },
  ],
  [
    'RFC 7162 §3.1.3: UNCHANGEDSINCE leaves changed messages alone and reports them',
    async ({ store }) => {
      const account = await makeAccount(store)
      const { id } = await mailboxOf(store, account)
      for (let n = 1; n <= 3; n++) await append(store, id, sampleMessage(n))
      const { modSeq } = await store.messages.view(id)
      await store.messages.changeFlags(id, Uint32Array.of(2), {
        op: 'add',
        flags: { system: 4, keywords: [] },
      })
      const result = await store.messages.changeFlags(id, Uint32Array.of(1, 2, 3), {
        op: 'add',
        flags: { system: 1, keywords: [] },
        unchangedSince: modSeq,
      })
      assert.deepEqual([...result.modified], [2])
      assert.deepEqual([...result.changed.uids], [1, 3])
    },
  ],
  [
    'a message without change keeps its MODSEQ',
    async ({ store }) => {
      const account = await makeAccount(store)
      const { id } = await mailboxOf(store, account)
      await append(store, id, sampleMessage(1), systemFlag.seen)
      const before = (await store.messages.view(id)).modSeq
      const same = await store.messages.changeFlags(id, Uint32Array.of(1), {
        op: 'add',
        flags: { system: 1, keywords: [] },
      })
      assert.equal(same.changed.modSeqs[0], before)
      assert.equal((await store.messages.view(id)).modSeq, before)
    },
  ],
  [
    'copy and move keep octets, flags, keywords and dates; UIDs are new',
    async ({ store }) => {
      const account = await makeAccount(store)
      const inbox = await mailboxOf(store, account)
      const target = await store.mailboxes.create(account.id, 'target')
      await append(store, target.id, sampleMessage(9), 0, ['first'])
      const bytes = sampleMessage(1)
      await append(store, inbox.id, bytes, systemFlag.flagged, ['second'])
      const copied = await store.messages.copy(inbox.id, Uint32Array.of(1, 77), target.id)
      assert.deepEqual([[...copied.from], [...copied.to], copied.uidValidity], [[1], [2], target.uidValidity])
      const moved = await store.messages.move(inbox.id, Uint32Array.of(1), target.id)
      assert.deepEqual([...moved.to], [3])
      for await (const batch of store.messages.fetch(target.id, Uint32Array.of(2, 3), {
        facts: true,
        bytes: 'all',
      })) {
        assert.deepEqual([...batch.flags0], [systemFlag.flagged | 64, systemFlag.flagged | 64])
        assert.deepEqual([...(batch.facts?.internalDatesMs ?? [])], [1_700_000_000_000, 1_700_000_000_000])
        const [one, two] = batch.facts?.messageIds ?? []
        assert.equal(one, two, 'RFC 8474 §5.1: copies share EMAILID')
        for (const each of batch.bytes ?? []) assert.ok(bytes.equals(each))
      }
      assert.equal((await store.messages.view(inbox.id)).uids.length, 0)
      const again = await append(store, inbox.id, bytes)
      assert.equal(again.uid, 2, 'a UID is never used again')
    },
  ],
  [
    'replace: the old message goes as the new one comes, its room counts, or nothing happens',
    async ({ store }) => {
      const account = await makeAccount(store, 'full@example.org', 5_000)
      const inbox = await mailboxOf(store, account)
      const target = await store.mailboxes.create(account.id, 'target')
      await append(store, inbox.id, sampleMessage(1, 3_000))
      const before = (await store.messages.view(inbox.id)).modSeq
      const item = async (sizeBytes: number) => ({
        message: await stage(store, sampleMessage(2, sizeBytes)),
        flags: none,
        internalDateMs: 0,
      })
      const replace = async (uid: number, to: Mailbox, sizeBytes: number) =>
        store.messages.replace(inbox.id, uid as Uid, to.id, await item(sizeBytes))
      await rejects(replace(1, inbox, 6_000), 'over-quota')
      await rejects(replace(9, inbox, 1_000), 'no-such-message')
      assert.deepEqual([...(await store.messages.view(inbox.id)).uids], [1])
      assert.equal((await replace(1, inbox, 4_000)).uid, 2)
      const changes = await store.messages.changesSince(inbox.id, before)
      assert.deepEqual([[...changes.uids], [...changes.vanished]], [[2], [1]])
      assert.equal((await replace(2, target, 4_500)).mailbox, target.id)
      assert.equal((await store.messages.view(inbox.id)).uids.length, 0)
      assert.equal((await store.messages.view(target.id)).uids.length, 1)
      const { usedBytes, usedMessages } = await store.mailboxes.quota(account.id)
      assert.deepEqual([usedBytes > 4_000, usedBytes < 5_000, usedMessages], [true, true, 1])
    },
  ],
  [
    'expunge removes what is \\Deleted, of the given UIDs only',
    async ({ store }) => {
      const account = await makeAccount(store)
      const { id } = await mailboxOf(store, account)
      for (let n = 1; n <= 5; n++)
        await append(store, id, sampleMessage(n), n % 2 === 1 ? systemFlag.deleted : 0)
      assert.deepEqual([...(await store.messages.expunge(id, Uint32Array.of(1, 2))).uids], [1])
      assert.deepEqual([...(await store.messages.expunge(id)).uids], [3, 5])
      assert.deepEqual([...(await store.messages.view(id)).uids], [2, 4])
    },
  ],
  [
    'an aborted message leaves nothing; search finds',
    async ({ store }) => {
      const account = await makeAccount(store)
      const { id } = await mailboxOf(store, account)
      const writer = store.messages.stage()
      await writer.write(sampleMessage(1, 2_500_000))
      await writer.abort()
      await (await stage(store, sampleMessage(2))).abort()
      await append(store, id, sampleMessage(3))
      const found = await store.messages.search(id, { kind: 'header', name: 'subject', value: 'message 3' })
      assert.deepEqual([...found.uids], [1])
    },
  ],
]

export const changesContract: readonly ContractCase[] = [
  [
    'every change has a new MODSEQ; changesSince tells changed and vanished (RFC 7162 §3.2.5)',
    async ({ store }) => {
      const account = await makeAccount(store)
      const { id } = await mailboxOf(store, account)
      const woken: number[] = []
      const stop = store.watchMailbox(id, (modSeq) => woken.push(modSeq))
      for (let n = 1; n <= 40; n++) await append(store, id, sampleMessage(n))
      const { modSeq } = await store.messages.view(id)
      await store.messages.changeFlags(id, Uint32Array.of(3, 35), {
        op: 'add',
        flags: { system: 4, keywords: [] },
      })
      await store.messages.discard(id, Uint32Array.of(4, 36))
      await append(store, id, sampleMessage(41))
      const changes = await store.messages.changesSince(id, modSeq)
      assert.deepEqual([...changes.changed.uids], [3, 35, 41])
      assert.deepEqual([...changes.vanished], [4, 36])
      assert.ok(changes.complete)
      assert.equal(changes.uidNext, 42)
      assert.equal(changes.uids.length, 39)
      assert.deepEqual([...(await store.messages.changesSince(id, changes.modSeq)).changed.uids], [])
      assert.deepEqual(
        woken,
        [...new Set(woken)].sort((a, b) => a - b),
      )
      assert.equal(woken.at(-1), changes.modSeq)
      stop()
      assert.deepEqual([...(await store.messages.changesSince(id, 0 as ModSeq)).vanished], [4, 36])
    },
  ],
  [
    'views are shared between sessions',
    async ({ store }) => {
      const account = await makeAccount(store)
      const { id } = await mailboxOf(store, account)
      await append(store, id, sampleMessage(1))
      const [one, two] = [await store.messages.view(id), await store.messages.view(id)]
      assert.equal(one.uids, two.uids)
      assert.equal((await store.messages.changesSince(id, one.modSeq)).uids, one.uids)
      assert.equal(one.firstUnseen, 1)
    },
  ],
  [
    'RFC 3501 §2.3.2: \\Recent is claimed once',
    async ({ store }) => {
      const account = await makeAccount(store)
      const { id } = await mailboxOf(store, account)
      await append(store, id, sampleMessage(1))
      assert.equal(await store.mailboxes.claimRecent(id), 1)
      assert.equal(await store.mailboxes.claimRecent(id), 2)
      await append(store, id, sampleMessage(2))
      await append(store, id, sampleMessage(3))
      assert.equal(await store.mailboxes.claimRecent(id, 1), 2, 'nothing is claimed of the new ones')
      assert.equal(await store.mailboxes.claimRecent(id, 2), 2)
      assert.equal(await store.mailboxes.claimRecent(id), 3)
      assert.equal(await store.mailboxes.claimRecent(id), 4)
    },
  ],
  [
    'RFC 3501 §2.3.2: sessions are told of a message as \\Recent once',
    async ({ store }) => {
      const account = await makeAccount(store)
      const { id } = await mailboxOf(store, account)
      const { id: other } = await mailboxOf(store, account, 'Trash')
      assert.equal(store.mailboxes.claimTold(id, 1, 3), 1)
      assert.equal(store.mailboxes.claimTold(id, 1, 3), 4)
      assert.equal(store.mailboxes.claimTold(id, 2, 5), 4)
      assert.equal(store.mailboxes.claimTold(id, 1, 2), 6)
      assert.equal(store.mailboxes.claimTold(id, 9, 9), 9)
      assert.equal(store.mailboxes.claimTold(other, 1, 1), 1)
    },
  ],
]
