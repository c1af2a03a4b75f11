import assert from 'node:assert/strict'
import { test } from 'node:test'
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
