import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { QueueId } from '../contract.ts'
import { openStoreWith } from '../open-store.ts'
import { acceptance, sampleMessage, stage, toRemote } from '../testkit/samples.ts'

/** Processor time of this thread, ms. */
const used = (): number => {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1_000
}

/** What the longest turn of the event loop took of all that was used, ms. */
const turnsOf = async (work: () => Promise<unknown>): Promise<{ longest: number; all: number }> => {
  let isOver = false
  let longest = 0
  const began = used()
  const end = work().finally(() => {
    isOver = true
  })
  let last = used()
  while (!isOver) {
    await nextTurn()
    const now = used()
    longest = Math.max(longest, now - last)
    last = now
  }
  await end
  return { longest, all: used() - began }
}

test('a message for 10,000 is accepted, held, released, tried again and returned in short turns', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-large-turns-'))
  const store = await openStoreWith({}, { directory })
  t.after(async () => {
    await store.close()
    rmSync(directory, { recursive: true })
  })
  const to = Array.from({ length: 10_000 }, (_, n) => toRemote(`user${n}@far.example`, 900, `hop${n % 500}`))
  const works: Record<string, (queueId: QueueId) => Promise<unknown>> = {
    accept: async (queueId) =>
      store.queue.accept(acceptance(store, await stage(store, sampleMessage(1)), to, queueId)),
    hold: (queueId) => store.queue.setHold(queueId, 'held'),
    release: (queueId) => store.queue.setHold(queueId, 'released'),
    requeue: (queueId) => store.queue.changeMany([queueId], { kind: 'requeue', nowMs: 500 }),
    expire: (queueId) => store.queue.expire(queueId, 400),
    remove: (queueId) => store.queue.remove(queueId),
  }
  const queueId = store.queue.newId(0)
  for (const [name, work] of Object.entries(works)) {
    const { longest, all } = await turnsOf(() => work(queueId))
    t.diagnostic(`${name}: longest turn ${longest.toFixed(1)} ms of ${all.toFixed(1)}`)
    assert.ok(longest < all / 4, `${name}: ${longest} ms of ${all} in one turn`)
    await store.compact()
  }
})
