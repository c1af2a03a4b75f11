import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Account, MailboxId, Maintenance, Store } from '../contract.ts'
import { openStoreWith } from '../open-store.ts'
import { FaultyFileLayer } from '../testkit/faulty-file-layer.ts'
import { append, mailboxOf, makeAccount, sampleMessage, stage } from '../testkit/samples.ts'

/** Small steps, so that a hundred messages take several. */
const parts = { stepMessages: 32 }
const messages = 100
const all = Array.from({ length: messages }, (_, n) => n + 1)
/** Names take several steps, too. */
const children = 40

/** What was answered. */
interface Answered {
  copied: boolean
  appended: boolean
  moved: boolean
  renamed: boolean
  namesGiven: boolean
  removed: boolean
  bobRemoved: boolean
  cleared: boolean
  /** UIDs in Target of messages that came in while it was being copied to. */
  arrived: number[]
}

const nothing = (): Answered => ({
  copied: false,
  appended: false,
  moved: false,
  renamed: false,
  namesGiven: false,
  removed: false,
  bobRemoved: false,
  cleared: false,
  arrived: [],
})

type Whole = Store & Maintenance

const fill = async (store: Whole, id: MailboxId, count: number, first: number): Promise<void> => {
  for (let n = 0; n < count; n++) await append(store, id, sampleMessage(first + n, 150))
}

const prepare = async (): Promise<{ directory: string; account: Account }> => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-steps-'))
  const store = await openStoreWith({}, { directory, defaultMailboxes: [] })
  const account = await makeAccount(store)
  const big = await store.mailboxes.create(account.id, 'Big')
  await store.mailboxes.create(account.id, 'Target')
  await store.mailboxes.create(account.id, 'Other')
  await store.mailboxes.create(account.id, 'Added')
  for (let n = 0; n < children; n++) await store.mailboxes.create(account.id, `Top/box ${n}`)
  const inbox = await mailboxOf(store, account)
  await fill(store, big.id, messages, 1)
  await store.messages.copy(big.id, (await store.messages.view(big.id)).uids, inbox.id)
  const bob = await makeAccount(store, 'bob@example.org')
  const bobs = await mailboxOf(store, bob)
  await store.messages.copy(big.id, (await store.messages.view(big.id)).uids, bobs.id)
  for (let n = 0; n < 3; n++) await store.mailboxes.create(bob.id, `box ${n}`)
  await store.close()
  return { directory, account }
}

const appendAll = async (store: Whole, account: Account): Promise<void> => {
  const { id } = await mailboxOf(store, account, 'Added')
  const items = all.map(async (number) => ({
    message: await stage(store, sampleMessage(number, 150)),
    flags: { system: 0, keywords: [] },
    internalDateMs: number,
  }))
  await store.messages.append(id, await Promise.all(items))
}

const work = async (store: Whole, account: Account, answered: Answered): Promise<void> => {
  const attempt = async (doing: Promise<unknown>, done: keyof Omit<Answered, 'arrived'>): Promise<void> => {
    await doing.then(
      () => {
        answered[done] = true
      },
      () => {},
    )
  }
  const big = await mailboxOf(store, account, 'Big')
  const target = await mailboxOf(store, account, 'Target')
  const other = await mailboxOf(store, account, 'Other')
  const { uids } = await store.messages.view(big.id)
  const arrive = async (): Promise<void> => {
    for (let n = 0; n < 4; n++) {
      const { uid } = await append(store, target.id, sampleMessage(1_000, 150))
      answered.arrived.push(uid)
    }
  }
  await Promise.all([
    attempt(store.messages.copy(big.id, uids, target.id), 'copied'),
    arrive().catch(() => {}),
  ])
  await attempt(appendAll(store, account), 'appended')
  await attempt(store.messages.move(big.id, uids.subarray(0, 70), other.id), 'moved')
  await attempt(store.mailboxes.rename(account.id, 'INBOX', 'Old'), 'renamed')
  await attempt(store.mailboxes.rename(account.id, 'Top', 'Pot'), 'namesGiven')
  await attempt(store.mailboxes.remove(account.id, 'Target'), 'removed')
  const bob = await store.accounts.find('bob@example.org')
  if (bob) await attempt(store.accounts.remove(bob.id), 'bobRemoved')
  await attempt(store.messages.discard(other.id, (await store.messages.view(other.id)).uids), 'cleared')
}

const numbersIn = async (store: Whole, account: Account, name: string): Promise<number[] | undefined> => {
  const mailbox = await store.mailboxes.find(account.id, name)
  if (mailbox === undefined) return undefined
  const numbers: number[] = []
  const { uids } = await store.messages.view(mailbox.id)
  for await (const { bytes } of store.messages.fetch(mailbox.id, uids, { bytes: 'all' })) {
    for (const each of bytes ?? []) {
      const number = Number(/Subject: message (\d+)/.exec(String(each))?.[1])
      assert.ok(sampleMessage(number, 150).equals(each))
      numbers.push(number)
    }
  }
  assert.equal(numbers.length, mailbox.messages)
  return numbers.sort((a, b) => a - b)
}

const verify = async (store: Whole, account: Account, answered: Answered): Promise<void> => {
  assert.deepEqual((await store.check()).problems, [])
  await store.compact()
  assert.deepEqual((await store.check()).problems, [], 'what was left is finished')
  const target = await numbersIn(store, account, 'Target')
  if (answered.removed) assert.equal(target, undefined)
  if (target !== undefined) {
    const copies = target.filter((number) => number !== 1_000)
    assert.ok(copies.length === 0 || copies.length === messages, `${copies.length} copies of ${messages}`)
    if (answered.copied) assert.equal(copies.length, messages)
    const { id } = await mailboxOf(store, account, 'Target')
    const { uids } = await store.messages.view(id)
    for (const uid of answered.arrived) assert.ok(uids.includes(uid), `UID ${uid} came in and is lost`)
  }
  const added = await numbersIn(store, account, 'Added')
  assert.ok(
    added !== undefined && (added.length === 0 || added.length === messages),
    `${added?.length} added`,
  )
  if (answered.appended) assert.deepEqual(added, all)
  const big = (await numbersIn(store, account, 'Big')) ?? []
  const other = (await numbersIn(store, account, 'Other')) ?? []
  if (answered.moved) assert.equal(big.length, messages - 70)
  if (answered.cleared) assert.deepEqual(other, [])
  else if (!answered.bobRemoved)
    assert.deepEqual(
      [...big, ...other].sort((a, b) => a - b),
      all,
      'each in one of them',
    )
  const old = await numbersIn(store, account, 'Old')
  const inbox = await numbersIn(store, account, 'INBOX')
  assert.deepEqual(old ?? inbox, all)
  if (old !== undefined) assert.deepEqual(inbox, [], 'a rename that was begun is finished')
  if (answered.renamed) assert.ok(old)
  const named = [...(await store.mailboxes.names(account.id, () => true)).keys()]
  const under = (top: string): number => named.filter((name) => name.startsWith(top)).length
  assert.ok([0, 1 + children].includes(under('Pot')), `${under('Pot')} under the new name`)
  assert.equal(under('Top') + under('Pot'), 1 + children)
  if (answered.namesGiven) assert.equal(under('Top'), 0)
  const bob = await store.accounts.find('bob@example.org')
  if (answered.bobRemoved) assert.equal(bob, undefined)
  const { mailboxes } = await store.check()
  const mine = (await store.mailboxes.list(account.id)).length
  assert.equal(mailboxes, mine + (bob ? 4 : 0), 'no mailbox of nobody')
}

const countCalls = async (): Promise<{ opening: number; all: number }> => {
  const { directory, account } = await prepare()
  const files = new FaultyFileLayer({ kind: 'none' })
  const store = await openStoreWith({ files, ...parts }, { directory, defaultMailboxes: [] })
  const opening = files.calls
  const answered = nothing()
  await work(store, account, answered)
  assert.deepEqual(
    { ...answered, arrived: answered.arrived.length },
    {
      copied: true,
      appended: true,
      moved: true,
      renamed: true,
      namesGiven: true,
      removed: true,
      bobRemoved: true,
      cleared: true,
      arrived: 4,
    },
  )
  await verify(store, account, answered)
  await store.close()
  rmSync(directory, { recursive: true })
  return { opening, all: files.calls }
}

test('work in many steps: power fails at the nth call, and it is whole, undone or finished after the opening', async () => {
  const counted = await countCalls()
  assert.ok(counted.all - counted.opening > 60, `${counted.all - counted.opening} calls`)
  for (let atCall = counted.opening; atCall <= counted.all; atCall += 3) {
    const { directory, account } = await prepare()
    const files = new FaultyFileLayer({ kind: 'power', atCall }, atCall)
    const answered = nothing()
    const opened = openStoreWith({ files, ...parts }, { directory, defaultMailboxes: [] })
    const working = opened.then((store) => work(store, account, answered).then(() => store.close()))
    await Promise.race([files.down, working.catch(() => {})])
    const before = structuredClone(answered)
    const left = `${directory}-left`
    files.loseUnsynced(directory, left)
    rmSync(directory, { recursive: true })
    const store = await openStoreWith(parts, { directory: left, defaultMailboxes: [] })
    await verify(store, account, before)
    await store.close()
    rmSync(left, { recursive: true })
  }
})

for (const code of ['ENOSPC', 'EIO'] as const) {
  test(`work in many steps: ${code} at the nth call, and nothing is half`, async () => {
    const counted = await countCalls()
    for (let atCall = counted.opening + 1; atCall <= counted.all; atCall += 7) {
      const { directory, account } = await prepare()
      const files = new FaultyFileLayer({ kind: 'error', atCall, code })
      const store = await openStoreWith({ files, ...parts }, { directory, defaultMailboxes: [] })
      const answered = nothing()
      await work(store, account, answered)
      await store.close().catch(() => {})
      const again = await openStoreWith(parts, { directory, defaultMailboxes: [] })
      await verify(again, account, answered)
      await again.close()
      rmSync(directory, { recursive: true })
    }
  })
}
