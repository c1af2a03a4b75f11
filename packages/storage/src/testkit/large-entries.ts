import assert from 'node:assert/strict'
import type { Acceptance, Account, QueueId, Store } from '../contract.ts'
import { openStoreWith } from '../open-store.ts'
import { acceptance, mailboxOf, sampleMessage, stage, toMailbox, toRemote } from './samples.ts'

export const remotes = 1_800

/** A message for very many elsewhere and for one mailbox. */
export const largeAcceptance = async (store: Store, account: Account): Promise<Acceptance> => {
  const to = Array.from({ length: remotes }, (_, n) => toRemote(`u${n}@far`, n, `hop${n % 7}`))
  return acceptance(store, await stage(store, sampleMessage(1)), [...to, toMailbox(account)])
}

export type Told = 'accepted' | 'held' | 'released' | 'requeued' | 'expired'

/** Everything that goes in steps, one after the other; `tell` hears what was acknowledged. */
export const changeLarge = async (store: Store, tell: (told: Told) => void): Promise<QueueId> => {
  const given = await largeAcceptance(store, (await store.accounts.list())[0] as Account)
  const { queueId } = given.entry
  await store.queue.accept(given)
  tell('accepted')
  await store.queue.changeMany([queueId], { kind: 'hold' })
  tell('held')
  await store.queue.changeMany([queueId], { kind: 'release' })
  tell('released')
  await store.queue.changeMany([queueId], { kind: 'requeue', nowMs: 5 })
  tell('requeued')
  await store.queue.changeMany([queueId], { kind: 'expire', nowMs: 4 })
  tell('expired')
  return queueId
}

const claimAll = async (store: Store): Promise<Map<QueueId, number[]>> => {
  const claimed = new Map<QueueId, number[]>()
  for (;;) {
    const entries = await store.queue.claimDue({ owner: 'o', nowMs: 1e6, leaseUntilMs: 2e12, limit: remotes })
    if (entries.length === 0) return claimed
    for (const { queueId, recipients } of entries)
      claimed.set(queueId, [...(claimed.get(queueId) ?? []), ...recipients.map(({ index }) => index)])
  }
}

/**
 * What is in a store that something was done to: messages that are there as a whole, or not at all. Removes them.
 * @returns their queue ids, each with its state
 */
export const verifyLarge = async (directory: string): Promise<Map<QueueId, 'held' | 'due' | 'expired'>> => {
  const store = await openStoreWith({}, { directory })
  // Waits for what goes on in the background.
  await store.compact()
  assert.deepEqual((await store.check()).problems, [])
  const entries = await store.queue.list()
  assert.equal(await store.queue.count(), entries.length)
  const account = (await store.accounts.list())[0] as Account
  assert.equal(
    (await mailboxOf(store, account)).messages,
    entries.length,
    'the mailbox has what was accepted',
  )
  const claimed = await claimAll(store)
  const states = new Map<QueueId, 'held' | 'due' | 'expired'>()
  for (const { queueId, recipients, hold, forcedExpiry } of entries) {
    assert.deepEqual(
      recipients.map(({ index }) => index),
      Array.from({ length: remotes }, (_, index) => index),
      'every recipient is there, once',
    )
    const due = claimed.get(queueId) ?? []
    assert.equal(new Set(due).size, hold ? 0 : remotes, 'who is not held is due')
    assert.equal(due.length, new Set(due).size)
    states.set(queueId, hold ? 'held' : forcedExpiry ? 'expired' : 'due')
  }
  for (const queueId of states.keys()) assert.equal(await store.queue.remove(queueId), true)
  assert.equal(await store.queue.nextDueMs(), undefined)
  const { id } = await mailboxOf(store, account)
  await store.messages.discard(id, (await store.messages.view(id)).uids)
  const { problems, verifiedBytes } = await store.check()
  assert.deepEqual(problems, [])
  assert.equal(verifiedBytes, 0, 'no octets are kept for nobody')
  await store.close()
  return states
}
