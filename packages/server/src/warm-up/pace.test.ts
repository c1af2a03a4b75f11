import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Pace } from './pace.ts'

const busyMs = 3

function work(forMs: number): void {
  const untilMs = performance.now() + forMs
  while (performance.now() < untilMs);
}

test('alone there is a turn in each turn of the event loop', async () => {
  const pace = new Pace(() => 0, new AbortController().signal)
  for (let n = 0; n < 100; n++) await pace.turn()
  await pace.alone()
})

test('while a client keeps us busy there is none; when it has what it wanted there is', async () => {
  let working = true
  const pace = new Pace(() => 1, new AbortController().signal)
  const ended = (async () => {
    while (working) {
      work(busyMs)
      await nextTurn()
    }
  })()
  let had = false
  const turn = pace.turn().then(() => {
    had = true
  })
  const untilMs = performance.now() + 200
  while (performance.now() < untilMs) await nextTurn()
  assert.equal(had, false)
  working = false
  await ended
  await turn
  assert.equal(had, true)
})

test('a client that only waits takes no turn away', async () => {
  const pace = new Pace(() => 1, new AbortController().signal)
  for (let n = 0; n < 5; n++) await pace.turn()
})

test('when it is over every turn rejects', async () => {
  const over = new AbortController()
  let clients = 1
  const pace = new Pace(() => clients, over.signal)
  const alone = pace.alone()
  over.abort()
  await assert.rejects(alone, { name: 'AbortError' })
  clients = 0
  await assert.rejects(pace.turn(), { name: 'AbortError' })
})
