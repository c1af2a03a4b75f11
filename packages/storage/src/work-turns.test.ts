import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openStore } from './index.ts'
import { append, mailboxOf, makeAccount, sampleMessage } from './testkit/samples.ts'
import { WorkTurns } from './work-turns.ts'

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('long work goes on one after the other, each in a turn of the event loop of its own', async () => {
  const turns = new WorkTurns(1_000)
  let turn = 0
  const done: string[] = []
  const work = async (name: string): Promise<void> => {
    for (let step = 0; step < 3; step++) {
      await turns.next()
      done.push(`${turn} ${name}`)
    }
  }
  const all = Promise.all([work('a'), work('b')])
  for (; turn < 7; turn++) await nextTurn()
  await all
  assert.deepEqual(
    done.map((each) => each.slice(-1)),
    ['a', 'b', 'a', 'b', 'a', 'b'],
  )
  const seen = done.map((each) => each.split(' ')[0])
  assert.equal(new Set(seen).size, seen.length, done.join(', '))
})

test('what all do in one turn of the event loop is counted together', async () => {
  const turns = new WorkTurns(5)
  assert.equal(turns.isOver, false)
  const untilMs = performance.now() + 6
  while (performance.now() < untilMs);
  assert.equal(turns.isOver, true)
  await nextTurn()
  await nextTurn()
  assert.equal(turns.isOver, false, 'another turn, another share')
})

test('many pieces of long work begin together: between them each waits for a turn that has room for it', async () => {
  const turns = new WorkTurns(5)
  let turn = 0
  const seen: number[] = []
  let isOver = false
  const count = (async () => {
    for (; !isOver; turn++) await nextTurn()
  })()
  const work = async (): Promise<void> => {
    for (let piece = 0; piece < 3; piece++) {
      await turns.between()
      seen.push(turn)
      const untilMs = performance.now() + 6
      while (performance.now() < untilMs);
    }
  }
  await Promise.all(Array.from({ length: 10 }, work))
  isOver = true
  await count
  assert.equal(seen.length, 30)
  assert.ok(new Set(seen).size >= 28, seen.join(' '))
})

test('a large mailbox that many look through at once: no turn of the event loop has the work of many', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-turns-'))
  const store = await openStore({ directory })
  t.after(async () => {
    await store.close()
    rmSync(directory, { recursive: true })
  })
  const { id } = await mailboxOf(store, await makeAccount(store))
  await append(store, id, sampleMessage(1))
  const all = async (): Promise<Uint32Array> => (await store.messages.view(id)).uids
  for (let doublings = 0; doublings < 13; doublings++) await store.messages.copy(id, await all(), id)
  const uids = await all()
  assert.equal(uids.length, 8_192)
  let turn = 0
  let isOver = false
  const count = (async () => {
    for (; !isOver; turn++) await nextTurn()
  })()
  const batches = new Map<number, number>()
  const look = async (): Promise<void> => {
    for await (const batch of store.messages.fetch(id, uids, { facts: true })) {
      batches.set(turn, (batches.get(turn) ?? 0) + 1)
      assert.equal(batch.uids.length, uids.length)
      // What is done with a batch is long, too.
      const untilMs = performance.now() + 8
      while (performance.now() < untilMs);
    }
  }
  await Promise.all(Array.from({ length: 20 }, look))
  isOver = true
  await count
  // Of 20; two where the first ends just before its share does.
  assert.ok(Math.max(...batches.values()) <= 4, [...batches.values()].join(' '))
})
