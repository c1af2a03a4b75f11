import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { LeaseCohorts } from './lease-cohorts.ts'

test('deliveries that begin together share a signal; a new one begins when all have left', () => {
  const cohorts = new LeaseCohorts()
  const first = cohorts.join(1_800_000)
  const second = cohorts.join(1_800_000)
  assert.equal(first.signal, second.signal)
  first.leave()
  assert.equal(cohorts.join(1_800_000).signal, second.signal)
  second.leave()
  const others = new LeaseCohorts()
  const alone = others.join(1_800_000)
  alone.leave()
  assert.notEqual(others.join(1_800_000).signal, alone.signal)
})

test('a lease that runs out calls off those who are still there; a stop calls off all', async () => {
  const cohorts = new LeaseCohorts()
  const short = cohorts.join(20)
  // Nothing else keeps the process alive meanwhile.
  const awake = setInterval(() => {}, 1_000)
  await once(short.signal, 'abort')
  clearInterval(awake)
  const long = cohorts.join(1_800_000)
  assert.notEqual(long.signal, short.signal)
  cohorts.abortAll()
  assert.ok(long.signal.aborted)
  short.leave()
  long.leave()
})
