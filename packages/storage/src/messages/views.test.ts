import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type MailboxId, type Store, systemFlag } from '../contract.ts'
import { openStoreWith } from '../open-store.ts'

const seen = { system: systemFlag.seen, keywords: [] }

async function withStore(work: (store: Store, inbox: MailboxId) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'posthorn-views-'))
  // Mailboxes of more than 96 messages are read in parts.
  const store = await openStoreWith({ stepMessages: 2 }, { directory })
  try {
    const { id } = await store.accounts.create({
      address: 'alice@example.org',
      passwordHash: '',
      enabled: true,
      quotaBytes: 0,
      home: '',
    })
    await work(store, (await store.mailboxes.find(id, 'INBOX'))!.id)
  } finally {
    await store.close()
    await rm(directory, { recursive: true, force: true })
  }
}

async function add(store: Store, mailbox: MailboxId, count: number): Promise<number[]> {
  const items = []
  for (let at = 0; at < count; at++) {
    const writer = store.messages.stage()
    await writer.write(Buffer.from('A: b\r\n\r\nc\r\n'))
    const flags = { system: 0, keywords: [] }
    items.push({ message: await writer.finish(), flags, internalDateMs: 1 })
  }
  return (await store.messages.append(mailbox, items)).map(({ uid }) => uid)
}

/** The same at every run. */
function dice(): (below: number) => number {
  let state = 12_345
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return (state >>> 8) % below
  }
}

test('a view follows what comes, goes and is copied, step by step', async () => {
  await withStore(async (store, inbox) => {
    const roll = dice()
    let present: number[] = []
    const unseen = new Set<number>()
    for (let step = 0; step < 60; step++) {
      const some = Uint32Array.from(present.filter(() => roll(3) === 0))
      const kind = roll(5)
      if (kind <= 1) {
        const came = await add(store, inbox, 1 + roll(12))
        present.push(...came)
        for (const uid of came) unseen.add(uid)
      } else if (kind === 2) {
        await store.messages.discard(inbox, some)
        present = present.filter((uid) => !some.includes(uid))
        for (const uid of some) unseen.delete(uid)
      } else if (kind === 3) {
        await store.messages.changeFlags(inbox, some, { op: 'add', flags: seen })
        for (const uid of some) unseen.delete(uid)
      } else if (present.length < 300) {
        const copied = await store.messages.copy(inbox, some, inbox)
        present.push(...copied.to)
        for (const [at, uid] of copied.from.entries()) if (unseen.has(uid)) unseen.add(copied.to[at]!)
      }
      // Now and then several changes lie between two views.
      if (roll(3) === 0) continue
      const { uids, firstUnseen } = await store.messages.view(inbox)
      assert.deepEqual([...uids], present, `step ${step}`)
      assert.equal(
        firstUnseen,
        present.find((uid) => unseen.has(uid)),
        `step ${step}`,
      )
    }
  })
})

test('a large mailbox is read in parts, and what changes meanwhile is seen', async () => {
  await withStore(async (store, inbox) => {
    const present = await add(store, inbox, 700)
    for (let round = 0; round < 6; round++) {
      // A mailbox that no view is kept of.
      const account = (await store.accounts.find('alice@example.org'))!.id
      const target = await store.mailboxes.create(account, `Other ${round}`)
      const { to } = await store.messages.copy(inbox, Uint32Array.from(present), target.id)
      const before = store.messages.view(target.id)
      const gone = Uint32Array.from([1 + round, 300, 690 - round], (place) => to[place]!)
      await wait(round)
      const removing = store.messages.discard(target.id, gone)
      const during = store.messages.view(target.id)
      await removing
      const [came] = await add(store, target.id, 1)
      const { uids } = await store.messages.view(target.id)
      assert.equal(uids.length, 698)
      assert.equal(uids.at(-1), came)
      assert.deepEqual(
        [...uids],
        [...new Set(uids)].sort((a, b) => a - b),
      )
      for (const view of [await before, await during]) assert.equal(view.uids.length, view.mailbox.messages)
    }
  })
})

async function wait(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve))
}
