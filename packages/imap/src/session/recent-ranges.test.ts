import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RecentRanges } from './recent-ranges.ts'

test('RFC 3501 §2.3.2: neighbours merge; the gap between is not recent', () => {
  const recent = new RecentRanges()
  recent.add(3, 5)
  recent.add(6, 6)
  recent.add(9, 10)
  const uids = Uint32Array.from([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  assert.deepEqual(
    [...uids].filter((uid) => recent.has(uid)),
    [3, 4, 5, 6, 9, 10],
  )
  assert.equal(recent.count(uids), 6)
  assert.equal(recent.count(Uint32Array.from([1, 5, 8, 10])), 2)
})

test('ever so many ranges cost bounded memory: the oldest are given up', () => {
  const recent = new RecentRanges()
  for (let uid = 1; uid <= 2000; uid += 2) recent.add(uid, uid)
  assert.equal(recent.has(1), false)
  assert.equal(recent.has(1999), true)
  assert.equal(recent.count(Uint32Array.from({ length: 2000 }, (_, at) => at + 1)), 100)
})
