import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccountId } from '@posthorn/storage'
import { Seats } from './seats.ts'

const alice = 1 as AccountId
const bob = 2 as AccountId

/** What the store does, for two workers. */
function sharedTallies() {
  const rows = new Map<string, Map<string, number>>()
  const worker = (name: string) => ({
    async set(key: string, count: number) {
      const row = rows.get(key) ?? new Map<string, number>()
      rows.set(key, row.set(name, count))
      return [...row.values()].reduce((sum, one) => sum + one, 0)
    },
  })
  return [worker('one'), worker('two')] as const
}

test('mail_max_userip_connections: seats in all workers count', async () => {
  const [here, there] = sharedTallies()
  const one = new Seats(here)
  const two = new Seats(there)
  assert.equal(await one.take(alice, '192.0.2.1', 2), true)
  assert.equal(await two.take(alice, '192.0.2.1', 2), true)
  assert.equal(await one.take(alice, '192.0.2.1', 2), false)
  assert.equal(await two.take(alice, '192.0.2.1', 2), false)
  assert.equal(await one.take(alice, '192.0.2.2', 2), true)
  assert.equal(await one.take(bob, '192.0.2.1', 2), true)
  two.leave(alice, '192.0.2.1')
  assert.equal(await one.take(alice, '192.0.2.1', 2), true)
  assert.equal(await two.take(alice, '192.0.2.1', 0), true)
})

test('a worker alone answers at once; tallies that fail shut nobody out', async () => {
  const alone = new Seats()
  assert.equal(alone.take(alice, '192.0.2.1', 1), true)
  assert.equal(alone.take(alice, '192.0.2.1', 1), false)
  const broken = new Seats({ set: () => Promise.reject(new Error('closed')) })
  assert.equal(await broken.take(alice, '192.0.2.1', 1), true)
  assert.equal(await broken.take(alice, '192.0.2.1', 1), false)
  broken.leave(alice, '192.0.2.1')
  assert.equal(await broken.take(alice, '192.0.2.1', 1), true)
})
