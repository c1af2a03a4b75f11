import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Mailbox, type Maintenance, type Store, systemFlag } from '../contract.ts'
import { openStoreWith } from '../open-store.ts'
import { append, mailboxOf, makeAccount, sampleMessage } from '../testkit/samples.ts'

const count = 20
/** Steps of four messages. */
const stepMessages = 4
const endedEarly = new Error('The client is gone')

interface Scene {
  readonly store: Store & Maintenance
  readonly source: Mailbox
  readonly target: Mailbox
  readonly uids: Uint32Array
  /** All mailboxes as they are now. */
  facts(): Promise<unknown>
}

const scene = async (t: TestContext): Promise<Scene> => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-early-'))
  const store = await openStoreWith({ stepMessages }, { directory })
  t.after(async () => {
    await store.close()
    rmSync(directory, { recursive: true })
  })
  const account = await makeAccount(store)
  const source = await mailboxOf(store, account)
  const target = await mailboxOf(store, account, 'Trash')
  for (let n = 1; n <= count; n++) await append(store, source.id, sampleMessage(n))
  const facts = async (): Promise<unknown> => ({
    quota: await store.mailboxes.quota(account.id),
    source: (await store.messages.view(source.id)).uids,
    target: await store.messages.view(target.id),
  })
  return { store, source, target, uids: (await store.messages.view(source.id)).uids, facts }
}

/** Aborted when somebody looks at it for the nth time. */
const abortedAtLook = (nth: number): AbortSignal => {
  const controller = new AbortController()
  const { signal } = controller
  let looks = 0
  const look = (): boolean => {
    if (++looks === nth) controller.abort(endedEarly)
    return looks >= nth
  }
  Object.defineProperty(signal, 'aborted', { get: look })
  signal.throwIfAborted = () => {
    if (look()) throw endedEarly
  }
  return signal
}

test('COPY that is ended before its last step, at any of them, has copied nothing, and the next one copies all', async (t) => {
  const { store, source, target, uids, facts } = await scene(t)
  const before = await facts()
  const copy = (signal?: AbortSignal) => store.messages.copy(source.id, uids, target.id, undefined, signal)
  // Once before each step, and once before all is made seen.
  for (let nth = 1; nth <= count / stepMessages + 1; nth++) {
    await assert.rejects(copy(abortedAtLook(nth)), endedEarly)
    assert.deepEqual(await facts(), before, `ended at look ${nth}`)
  }
  const copied = await copy(abortedAtLook(1_000))
  assert.equal(copied.to.length, count)
  assert.equal((await store.messages.view(target.id)).uids.length, count)
  assert.deepEqual((await store.check()).problems, [])
})

test('MOVE that is ended early says what it has moved; the rest stays', async (t) => {
  const { store, source, target, uids } = await scene(t)
  const moved = await store.messages.move(source.id, uids, target.id, undefined, abortedAtLook(2))
  assert.deepEqual([...moved.from], [...uids.subarray(0, 2 * stepMessages)])
  assert.equal(moved.leftCount, count - 2 * stepMessages)
  assert.deepEqual([...(await store.messages.view(source.id)).uids], [...uids.subarray(2 * stepMessages)])
  assert.deepEqual([...(await store.messages.view(target.id)).uids], [...moved.to])
  const { uids: left } = await store.messages.view(source.id)
  const rest = await store.messages.move(source.id, left, target.id, undefined, abortedAtLook(1_000))
  assert.deepEqual([rest.from.length, rest.leftCount], [left.length, 0])
  assert.deepEqual((await store.check()).problems, [])
})

test('EXPUNGE that is ended early has removed whole steps; the next one removes the rest', async (t) => {
  const { store, source, uids } = await scene(t)
  const { messages } = store
  await messages.changeFlags(source.id, uids, {
    op: 'add',
    flags: { system: systemFlag.deleted, keywords: [] },
  })
  await assert.rejects(messages.expunge(source.id, undefined, abortedAtLook(3)), endedEarly)
  assert.deepEqual([...(await messages.view(source.id)).uids], [...uids.subarray(2 * stepMessages)])
  const rest = await messages.expunge(source.id, undefined, abortedAtLook(1_000))
  assert.deepEqual([...rest.uids], [...uids.subarray(2 * stepMessages)])
  assert.deepEqual((await store.check()).problems, [])
})
