import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { QueueId } from '../contract.ts'
import { rebuildStore } from '../maintenance/rebuild.ts'
import { openStoreWith } from '../open-store.ts'
import { FaultyFileLayer } from '../testkit/faulty-file-layer.ts'
import { acceptance, sampleMessage, stage, toRemote } from '../testkit/samples.ts'

const recipients = 1_800

const prepare = async (): Promise<{ directory: string; queueId: QueueId }> => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-faulty-queue-'))
  const store = await openStoreWith({}, { directory })
  const to = Array.from({ length: recipients }, (_, n) => toRemote(`u${n}@far`, n, `hop${n % 7}`))
  const given = acceptance(store, await stage(store, sampleMessage(1)), to)
  await store.queue.accept(given)
  await store.close()
  return { directory, queueId: given.entry.queueId }
}

/** @returns what is left of it. */
const verify = async (
  directory: string,
  queueId: QueueId,
  answered: 'removed' | 'not answered',
): Promise<number> => {
  const store = await openStoreWith({}, { directory })
  // Waits for what goes on in the background.
  await store.compact()
  assert.deepEqual((await store.check()).problems, [])
  const entry = await store.queue.get(queueId)
  const left = entry?.recipients.length ?? 0
  if (entry !== undefined) assert.ok(left > 0, 'a message that is there has a recipient')
  if (answered === 'removed') assert.equal(entry, undefined)
  assert.equal(await store.queue.count(), left > 0 ? 1 : 0)
  const claim = { owner: 'o', nowMs: recipients, leaseUntilMs: 1e9, limit: recipients }
  let due = 0
  for (let isMore = true; isMore; ) {
    const entries = await store.queue.claimDue(claim)
    isMore = entries.length > 0
    for (const each of entries) due += each.recipients.length
  }
  assert.equal(due, left, 'who is left is due')
  assert.equal(await store.queue.remove(queueId), left > 0)
  assert.equal(await store.queue.count(), 0)
  assert.equal(await store.queue.read(queueId), undefined)
  assert.deepEqual((await store.check()).problems, [])
  await store.close()
  rmSync(directory, { recursive: true })
  return left
}

/** What the journal did not say yet comes back, on hold. */
const verifyRebuilt = async (directory: string, queueId: QueueId): Promise<void> => {
  await rebuildStore(directory, Date.now())
  const store = await openStoreWith({}, { directory })
  assert.deepEqual((await store.check()).problems, [])
  const entry = await store.queue.get(queueId)
  assert.notEqual(entry?.recipients.length, 0)
  assert.equal(await store.queue.remove(queueId), entry !== undefined)
  assert.deepEqual((await store.check()).problems, [])
  await store.close()
  rmSync(directory, { recursive: true })
}

const calls = async (): Promise<{ opening: number; all: number }> => {
  const { directory, queueId } = await prepare()
  const files = new FaultyFileLayer({ kind: 'none' })
  const store = await openStoreWith({ files }, { directory })
  const opening = files.calls
  assert.equal(await store.queue.remove(queueId), true)
  await store.close()
  const all = files.calls
  assert.equal(await verify(directory, queueId, 'removed'), 0)
  return { opening, all }
}

test('a message with many recipients is removed: power fails at the nth call, and who is left is whole, also after a rebuild', async () => {
  const counted = await calls()
  const left = new Set<number>()
  for (let atCall = counted.opening; atCall <= counted.all; atCall++) {
    const { directory, queueId } = await prepare()
    const files = new FaultyFileLayer({ kind: 'power', atCall }, atCall)
    let answered: 'removed' | 'not answered' = 'not answered'
    const working = openStoreWith({ files }, { directory }).then(async (store) => {
      await store.queue.remove(queueId)
      answered = 'removed'
      await store.close()
    })
    await Promise.race([files.down, working.catch(() => {})])
    const before = answered
    const kept = `${directory}-left`
    files.loseUnsynced(directory, kept)
    rmSync(directory, { recursive: true })
    const copy = `${directory}-copy`
    cpSync(kept, copy, { recursive: true })
    left.add(await verify(kept, queueId, before))
    await verifyRebuilt(copy, queueId)
  }
  assert.ok(left.has(0) && left.has(recipients) && left.size > 2, [...left].join())
})

for (const code of ['ENOSPC', 'EIO'] as const) {
  test(`a message with many recipients is removed: ${code} at the nth call`, async () => {
    const counted = await calls()
    for (let atCall = counted.opening + 1; atCall <= counted.all; atCall++) {
      const { directory, queueId } = await prepare()
      const files = new FaultyFileLayer({ kind: 'error', atCall, code })
      const store = await openStoreWith({ files }, { directory })
      const answered = await store.queue.remove(queueId).then(
        () => 'removed' as const,
        () => 'not answered' as const,
      )
      await store.close().catch(() => {})
      await verify(directory, queueId, answered)
    }
  })
}
