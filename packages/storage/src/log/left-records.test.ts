import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LeftRecords } from './left-records.ts'

test('records are left as long as they say less than numbers are skipped after power failure', () => {
  const left = new LeftRecords()
  assert.equal(left.areThere, false)
  let bytes = 0
  while (left.leave(1_000)) bytes += 1_000
  const placementBytes = 48
  assert.ok(bytes / placementBytes < 10_000 / 2 && bytes > 100_000, `${bytes} octets`)
  assert.equal(left.areThere, true)
  left.synced()
  assert.equal(left.areThere, false)
  assert.equal(left.leave(0), false, 'what has no record waits for what it rests on')
  assert.equal(left.leave(1_000), true)
})
