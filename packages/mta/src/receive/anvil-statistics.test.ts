import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AnvilStatistics } from './anvil-statistics.ts'
import { ActivitySum, type ClientActivity, StatisticsRelay } from './statistics-relay.ts'

function statistics() {
  const lines: string[] = []
  const clock = { ms: new Date(2026, 10, 2, 3, 4, 5).getTime() }
  const anvil = new AnvilStatistics(
    ({ service, text }) => void lines.push(`${service}: ${text}`),
    () => clock.ms,
    () => ({ unitMs: 60_000, reportMs: 600_000 }),
  )
  return { anvil, lines, clock }
}

const a = 'smtp:192.0.2.1'
const b = 'smtp:192.0.2.2'

test("anvil(8): the largest rates and counts of single clients, in Postfix's words", () => {
  const { anvil, lines, clock } = statistics()
  anvil.connected(a)
  anvil.connected(a)
  anvil.disconnected(a)
  anvil.connected(b)
  for (let i = 0; i < 3; i++) anvil.count('message', b)
  anvil.count('newtls', b)
  anvil.count('auth', b, 2)
  clock.ms += 61_000
  anvil.count('message', b)
  anvil.count('recipient', b)
  anvil.report()
  assert.deepEqual(lines, [
    'anvil: statistics: max connection rate 2/60s for (smtp:192.0.2.1) at Nov  2 03:04:05',
    'anvil: statistics: max connection count 2 for (smtp:192.0.2.1) at Nov  2 03:04:05',
    'anvil: statistics: max message rate 3/60s for (smtp:192.0.2.2) at Nov  2 03:04:05',
    'anvil: statistics: max recipient rate 1/60s for (smtp:192.0.2.2) at Nov  2 03:05:06',
    'anvil: statistics: max newtls rate 1/60s for (smtp:192.0.2.2) at Nov  2 03:04:05',
    'anvil: statistics: max auth rate 2/60s for (smtp:192.0.2.2) at Nov  2 03:04:05',
    'anvil: statistics: max cache size 2 at Nov  2 03:04:05',
  ])
  lines.length = 0
  anvil.close()
  assert.deepEqual(lines, [], 'said once')
})

test('anvil(8): a client that comes and goes has a rate, too', () => {
  const { anvil, lines } = statistics()
  for (let i = 0; i < 4; i++) {
    anvil.connected(a)
    anvil.disconnected(a)
  }
  anvil.close()
  assert.match(lines[0] ?? '', /max connection rate 4\/60s for \(smtp:192\.0\.2\.1\)/)
  assert.match(lines[1] ?? '', /max connection count 1 for/)
})

test('anvil(8): what several processes count is one statistic; a process takes its connections with it', () => {
  const { anvil, lines } = statistics()
  const sum = new ActivitySum(anvil)
  const told: ClientActivity[][] = []
  const relays = [1, 2].map((process) => {
    return new StatisticsRelay((activity) => {
      told.push([...activity])
      sum.add(process, activity)
    })
  })
  for (const relay of relays) {
    for (let i = 0; i < 3; i++) relay.connected(a)
    relay.disconnected(a)
    relay.count('message', a, 2)
    relay.close()
  }
  assert.deepEqual(told[0], [{ client: a, peak: 3, open: 2, counts: { connection: 3, message: 2 } }])
  anvil.report()
  assert.match(lines[0] ?? '', /max connection rate 6\/60s/)
  assert.match(lines[1] ?? '', /max connection count 5 /)
  assert.match(lines[2] ?? '', /max message rate 4\/60s/)
  sum.gone(1)
  relays[1]?.connected(a)
  relays[1]?.close()
  lines.length = 0
  anvil.report()
  assert.match(lines[1] ?? '', /max connection count 3 /)
})
