import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type DestinationLimits, Destinations, destinationKey, parseFeedback } from './destinations.ts'
import { defaultDestinationLimits } from './options.ts'
import { SharedPlaces } from './shared-places.ts'

const dead = { sinceMs: 0, untilMs: 300_000, status: '4.4.1', text: 'refused' }
const far = destinationKey({ transport: 'smtp', nextHop: 'far.test' })

/** Failures one after the other until the destination is left alone. */
async function failures(limits: DestinationLimits, most = 50): Promise<number> {
  const destinations = new Destinations()
  for (let count = 1; count <= most; count++) {
    await destinations.enter(far, limits)
    destinations.failed(far, dead)
    destinations.leave(far, limits)
    if (destinations.deadNow(far, 1, 'due') !== undefined) return count
  }
  return Number.POSITIVE_INFINITY
}

test('SCHEDULER_README: a destination is dead after a cohort of failures', async () => {
  const limits = defaultDestinationLimits
  // 1/5 + 1/4 + 1/3 + 1/2
  assert.equal(await failures(limits), 4)
  assert.equal(await failures({ ...limits, initialConcurrency: 1 }), 1)
  assert.equal(await failures({ ...limits, failedCohorts: 2 }), 5)
  assert.equal(await failures({ ...limits, failedCohorts: 0 }), Number.POSITIVE_INFINITY)
  assert.equal(await failures({ ...limits, negativeFeedback: () => 0 }), 5)
})

test('SCHEDULER_README: what succeeds makes failures forgotten, and the window grow by the feedback', async () => {
  const destinations = new Destinations()
  const limits = { ...defaultDestinationLimits, initialConcurrency: 2, concurrency: 10 }
  /** How many are let in before one has to wait. */
  const windowOf = async (how: DestinationLimits): Promise<number> => {
    let entered = 0
    while (!destinations.full().includes('far.test')) {
      await destinations.enter(far, how)
      entered++
    }
    for (let i = 0; i < entered; i++) destinations.leave(far, how)
    return entered
  }
  const succeed = async (how: DestinationLimits): Promise<void> => {
    await destinations.enter(far, how)
    destinations.revived(far)
    destinations.leave(far, how)
  }
  assert.equal(await windowOf(limits), 2)
  await succeed(limits)
  assert.equal(await windowOf(limits), 3)
  const slow = { ...limits, positiveFeedback: (window: number) => 1 / window }
  await succeed(slow)
  assert.equal(await windowOf(slow), 3)
  for (let i = 0; i < 3; i++) await succeed(slow)
  assert.equal(await windowOf(slow), 4)
  await destinations.enter(far, limits)
  destinations.failed(far, dead)
  destinations.revived(far)
  destinations.leave(far, limits)
  assert.equal(destinations.deadNow(far, 1, 'due'), undefined)
})

test('one next hop by two transports is two destinations', async () => {
  const destinations = new Destinations()
  const slow = destinationKey({ transport: 'slow', nextHop: 'far.test' })
  await destinations.enter(slow, { ...defaultDestinationLimits, initialConcurrency: 1 })
  destinations.failed(slow, dead)
  assert.equal(destinations.deadNow(slow, 1, 'due')?.text, 'refused')
  assert.equal(destinations.deadNow(far, 1, 'due'), undefined)
  destinations.forgetDead('far.test')
  assert.equal(destinations.deadNow(slow, 1, 'due'), undefined)
})

test('default_destination_concurrency_positive_feedback: the forms of a feedback', () => {
  for (const [text, at4] of [
    ['1', 1],
    ['0.5', 0.5],
    ['1/4', 0.25],
    ['1/concurrency', 0.25],
    ['1/sqrt_concurrency', 0.5],
    ['2', undefined],
    ['1/x', undefined],
    ['', undefined],
  ] as const)
    assert.equal(parseFeedback(text)?.(4), at4, text)
})

test('limits hold for all workers together: places are locks, and rest with their destination', async () => {
  const taken = new Set<string>()
  const locks = {
    acquire: async (name: string) => {
      if (taken.has(name)) return undefined
      taken.add(name)
      return async () => void taken.delete(name)
    },
  }
  const workers = ['one', 'two', 'three'].map(
    (owner) => new Destinations(undefined, new SharedPlaces(locks, owner)),
  )
  let inside = 0
  let most = 0
  const times: number[] = []
  const deliver = async (worker: Destinations, limits: DestinationLimits): Promise<void> => {
    await worker.enter(far, limits)
    times.push(performance.now())
    most = Math.max(most, ++inside)
    await new Promise((resolve) => setTimeout(resolve, 20))
    inside--
    worker.leave(far, limits)
  }
  const all = async (limits: DestinationLimits): Promise<number> => {
    most = 0
    // Timers of those that wait hold no process.
    const awake = setInterval(() => {}, 1_000)
    await Promise.all([...workers, ...workers].map((worker) => deliver(worker, limits)))
    clearInterval(awake)
    return most
  }
  assert.equal(await all({ ...defaultDestinationLimits, places: 2 }), 2)
  assert.equal(await all({ ...defaultDestinationLimits, places: 1 }), 1)
  times.splice(0)
  assert.equal(await all({ ...defaultDestinationLimits, places: 1, rateDelayMs: 100 }), 1)
  const pauses = times.slice(1).map((at, n) => at - (times[n] ?? 0))
  assert.ok(Math.min(...pauses) >= 115, pauses.join(' '))
  assert.equal(workers[0]?.hasRoom(far, { ...defaultDestinationLimits, places: 1 }, 0, 2), false)
  assert.equal(taken.size <= 1, true)
})

test('a turn that does not come before the lease ends leaves nothing behind', async () => {
  const destinations = new Destinations()
  const limits = { ...defaultDestinationLimits, concurrency: 1, transportRateDelayMs: 10 }
  const near = destinationKey({ transport: 'smtp', nextHop: 'near.test' })
  await destinations.enter(far, limits)
  const lease = new AbortController()
  // One behind the destination, one behind the transport.
  const turns = [far, near].map((each) => destinations.enter(each, limits, lease.signal))
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(destinations.waiting, 2)
  lease.abort()
  assert.deepEqual(await Promise.all(turns), ['called off', 'called off'])
  assert.equal(await destinations.enter(near, limits, lease.signal), 'called off')
  assert.equal(destinations.waiting, 0)
  assert.deepEqual([destinations.full(), destinations.fullTransports()], [['far.test'], ['smtp']])
  destinations.leave(far, limits)
  const awake = setInterval(() => {}, 1_000)
  assert.equal(await destinations.enter(near, limits), 'entered')
  clearInterval(awake)
  destinations.leave(near, limits)
  assert.deepEqual(destinations.full(), [])
})
