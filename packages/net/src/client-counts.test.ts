import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ClientCounts, type SharedTally } from './client-counts.ts'

/** What the store's tallies do for several processes. */
function processes(count: number): { readonly tallies: readonly SharedTally[]; readonly sets: () => number } {
  const rows = new Map<string, number[]>()
  let sets = 0
  const tallies = Array.from({ length: count }, (_, number) => ({
    async set(name: string, own: number) {
      sets++
      const row = rows.get(name) ?? Array.from({ length: count }, () => 0)
      row[number] = own
      rows.set(name, row)
      return row.reduce((sum, each) => sum + each, 0)
    },
  }))
  return { tallies, sets: () => sets }
}

test('one count for all processes; nothing is left when all have gone', async () => {
  const { tallies } = processes(2)
  const [one, other] = tallies.map((tally) => new ClientCounts('pop3', tally)) as [ClientCounts, ClientCounts]
  one.enter('192.0.2.1')
  assert.equal(await one.all('192.0.2.1'), 1)
  other.enter('192.0.2.1')
  assert.equal(await other.all('192.0.2.1'), 2)
  assert.equal(one.of('192.0.2.1'), 1)
  other.enter('192.0.2.2')
  assert.equal(await other.all('192.0.2.2'), 1)
  one.leave('192.0.2.1')
  other.leave('192.0.2.1')
  assert.equal(await one.all('192.0.2.1'), 0)
  assert.equal(one.of('192.0.2.1'), 0)
})

test('who is never asked about is never told to the others', async () => {
  const { tallies, sets } = processes(1)
  const counts = new ClientCounts('smtpd', tallies[0])
  for (let i = 0; i < 10; i++) counts.enter('127.0.0.1')
  for (let i = 0; i < 10; i++) counts.leave('127.0.0.1')
  assert.equal(sets(), 0)
})

test('an IPv6 customer is one client; without a tally this process counts alone', () => {
  const counts = new ClientCounts('imap')
  counts.enter('2001:db8::1')
  counts.enter('2001:db8::ffff:1')
  assert.equal(counts.all('2001:db8::2'), 2)
  assert.equal(counts.all('2001:db8:0:1::2'), 0)
})

test('a tally that fails shuts nobody out', async () => {
  const counts = new ClientCounts('imap', { set: () => Promise.reject(new Error('disk')) })
  counts.enter('192.0.2.1')
  assert.equal(await counts.all('192.0.2.1'), 1)
  counts.leave('192.0.2.1')
})
