import assert from 'node:assert/strict'
import { test } from 'node:test'
import { passedClients } from './screen.ts'

test('the cache of postscreen: one row for each client that is still known, the last line of a test counts', () => {
  const at = Date.UTC(2026, 10, 22, 5)
  const line = (key: string, untilMs: number): string => `${JSON.stringify([key, 'ok', untilMs, ''])}\n`
  const text = [
    line('pregreet 192.0.2.1', at + 1_000),
    line('pregreet 192.0.2.1', at + 7_200_000),
    line('non-smtp command 192.0.2.1', at + 3_600_000),
    line('pregreet 192.0.2.2', at - 1),
    line('pregreet 2001:db8::1', at + 60_000),
    '["torn',
  ].join('')
  assert.deepEqual(passedClients(text, at), [
    ['192.0.2.1', 'pregreet, non-smtp command', 'until 2026-11-22 06:00:00'],
    ['2001:db8::1', 'pregreet', 'until 2026-11-22 05:01:00'],
  ])
})
