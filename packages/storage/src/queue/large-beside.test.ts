import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Maintenance, Store } from '../contract.ts'
import { openStoreWith } from '../open-store.ts'
import { acceptance, sampleMessage, stage, toRemote } from '../testkit/samples.ts'

const recipients = 10_000

const open = async (t: TestContext): Promise<Store & Maintenance> => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-large-beside-'))
  const store = await openStoreWith({}, { directory })
  t.after(async () => {
    await store.close()
    rmSync(directory, { recursive: true })
  })
  return store
}

const largeFor = async (store: Store) => {
  const to = Array.from({ length: recipients }, (_, n) => toRemote(`u${n}@far.example`, 900, `hop${n % 500}`))
  return acceptance(store, await stage(store, sampleMessage(1)), to)
}

/** Processor time of this thread, ms. */
const used = (): number => {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1_000
}

/** A commit with 250 recipients takes more than this, one with nothing less, ms. */
const smallTurnMs = 0.5

test('a message for 10,000 waits for some ten turns of those who always have work, not for forty', async (t) => {
  const store = await open(t)
  const given = await largeFor(store)
  let isOver = false
  let turns = 0
  const others = async (): Promise<void> => {
    for (let before = used(); !isOver; before = used()) {
      await store.queue.release('nobody')
      if (used() - before > smallTurnMs) turns++
    }
  }
  const work = others()
  await store.queue.accept(given)
  isOver = true
  await work
  t.diagnostic(`${turns} turns`)
  // What takes longer than one commit may is shared among several.
  assert.ok(turns < 30, `${turns} turns`)
  assert.equal((await store.queue.get(given.entry.queueId))?.recipients.length, recipients)
})

test('a flush by the id of a message that is being accepted leaves nobody among the due who may be taken back', async (t) => {
  const store = await open(t)
  const given = await largeFor(store)
  const { queueId } = given.entry
  const accepted = store.queue.accept(given)
  let flushed = 0
  while ((await store.queue.get(queueId)) === undefined) {
    flushed += await store.queue.flush({ nowMs: 1, queueId })
    if ((await store.queue.get(queueId)) === undefined) assert.equal(flushed, 0)
    await nextTurn()
  }
  await accepted
})
