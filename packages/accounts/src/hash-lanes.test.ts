import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createHashLanes } from './hash-lanes.ts'

/** Work that ends when told, in the order it was begun. */
function bench(queue = 1000, concurrency = 1) {
  const lanes = createHashLanes(() => ({ concurrency, queue }))
  const begun: string[] = []
  const ends: (() => void)[] = []
  const add = (lane: Parameters<typeof lanes.run>[0], name: string) =>
    lanes.run(lane, () => {
      begun.push(name)
      return new Promise<string>((resolve) => ends.push(() => resolve(name)))
    })
  const endAll = async () => {
    for (let end = ends.shift(); end !== undefined; end = ends.shift()) {
      end()
      await new Promise(setImmediate)
    }
  }
  return { lanes, begun, add, endAll }
}

it('a good login passes a thousand guesses', async () => {
  const { begun, add, endAll } = bench()
  const guesses = Array.from({ length: 40 }, (_, i) =>
    add({ class: 'failing', key: '192.0.2.1' }, `guess${i}`),
  )
  const known = add({ class: 'known', key: '198.51.100.1' }, 'known')
  const fresh = add({ class: 'unknown', key: '198.51.100.2' }, 'fresh')
  await endAll()
  assert.equal(await known, 'known')
  assert.equal(await fresh, 'fresh')
  assert.ok(begun.indexOf('known') <= 2 && begun.indexOf('fresh') <= 3, begun.join(' '))
  assert.equal((await Promise.all(guesses)).length, 40)
})

it('addresses of a class take turns', async () => {
  const { begun, add, endAll } = bench()
  const all = ['a1', 'a2', 'a3', 'b1', 'c1'].map((name) =>
    add({ class: 'unknown', key: name.charAt(0) }, name),
  )
  await endAll()
  await Promise.all(all)
  assert.deepEqual(begun, ['a1', 'a2', 'b1', 'c1', 'a3'])
})

it('the lower classes move too', async () => {
  const { begun, add, endAll } = bench()
  const all = Array.from({ length: 45 }, (_, i) => add({ class: 'known', key: 'k' }, `k${i}`))
  all.push(add({ class: 'failing', key: 'f' }, 'f'))
  await endAll()
  await Promise.all(all)
  assert.ok(begun.indexOf('f') < 12, String(begun.indexOf('f')))
})

it('when full, the newest of the worst gives way, and never the better for the worse', async () => {
  const { lanes, add, endAll } = bench(3)
  const first = add({ class: 'failing', key: 'x' }, 'running')
  const waiting = [1, 2, 3].map((i) => add({ class: 'failing', key: 'x' }, `guess${i}`))
  assert.equal(await add({ class: 'failing', key: 'y' }, 'one more'), undefined)
  const good = add({ class: 'known', key: 'k' }, 'good')
  assert.equal(await waiting[2], undefined)
  assert.equal(lanes.waiting, 3)
  await endAll()
  assert.deepEqual(await Promise.all([first, good, ...waiting.slice(0, 2)]), [
    'running',
    'good',
    'guess1',
    'guess2',
  ])
})

it('work that fails frees its place', async () => {
  const lanes = createHashLanes(() => ({ concurrency: 1, queue: 1 }))
  const lane = { class: 'known', key: 'k' } as const
  await assert.rejects(
    lanes.run(lane, () => Promise.reject(new Error('broken'))),
    /broken/,
  )
  assert.equal(await lanes.run(lane, async () => 'next'), 'next')
})
