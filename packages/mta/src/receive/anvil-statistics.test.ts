import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AnvilStatistics } from './anvil-statistics.ts'

test("anvil(8): the largest rates and counts of single clients, in Postfix's words", () => {
  const lines: string[] = []
  const clock = { ms: new Date(2026, 10, 2, 3, 4, 5).getTime() }
  const anvil = new AnvilStatistics(
    ({ service, text }) => void lines.push(`${service}: ${text}`),
    () => clock.ms,
    600_000,
  )
  const a = 'smtp:192.0.2.1'
  const b = 'smtp:192.0.2.2'
  anvil.connected(a, 60_000)
  anvil.connected(a, 60_000)
  anvil.disconnected(a)
  anvil.connected(b, 60_000)
  for (let i = 0; i < 3; i++) anvil.count('message', b, 60_000)
  clock.ms += 61_000
  anvil.count('message', b, 60_000)
  anvil.count('recipient', b, 60_000)
  anvil.report(60_000, 600_000)
  assert.deepEqual(lines, [], 'not yet')
  clock.ms += 600_000
  anvil.report(60_000, 600_000)
  assert.deepEqual(lines, [
    'anvil: statistics: max connection count 2 for (smtp:192.0.2.1) at Nov  2 03:04:05',
    'anvil: statistics: max connection rate 2/60s for (smtp:192.0.2.1) at Nov  2 03:04:05',
    'anvil: statistics: max message rate 3/60s for (smtp:192.0.2.2) at Nov  2 03:04:05',
    'anvil: statistics: max recipient rate 1/60s for (smtp:192.0.2.2) at Nov  2 03:05:06',
    'anvil: statistics: max cache size 2 at Nov  2 03:04:05',
  ])
  lines.length = 0
  anvil.report(60_000, 600_000, 'always')
  assert.deepEqual(lines, [], 'said once')
})
