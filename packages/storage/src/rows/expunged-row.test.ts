import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeUidRanges, encodeUidRanges } from './expunged-row.ts'

const roundTrip = (uids: readonly number[]): number[] => {
  const decoded: number[] = []
  for (const row of encodeUidRanges(Uint32Array.from(uids))) {
    assert.ok(row.length <= 1_900, 'a row fits a page')
    const ranges: number[] = []
    const count = decodeUidRanges(row, ranges)
    const before = decoded.length
    for (let at = 0; at < ranges.length; at += 2)
      for (let uid = ranges[at] as number; uid <= (ranges[at + 1] as number); uid++) decoded.push(uid)
    assert.equal(decoded.length - before, count)
  }
  return decoded
}

test('ranges of UIDs come back, whatever the gaps', () => {
  const ascending = fc.uniqueArray(fc.integer({ min: 1, max: 0xffff_ffff }), { maxLength: 500 })
  fc.assert(
    fc.property(ascending, (uids) => {
      const sorted = uids.sort((a, b) => a - b)
      assert.deepEqual(roundTrip(sorted), sorted)
    }),
  )
})

test('every second of 100,000, and 100,000 in a row', () => {
  const odd = Array.from({ length: 100_000 }, (_, n) => n * 2 + 1)
  assert.deepEqual(roundTrip(odd), odd)
  const dense = Array.from({ length: 100_000 }, (_, n) => n + 7)
  assert.deepEqual(roundTrip(dense), dense)
  assert.equal(encodeUidRanges(Uint32Array.from(dense)).length, 1)
})
