import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RecentChanges } from './recent-changes.ts'

test('changes without a gap are known, each part of them too', () => {
  const recent = new RecentChanges()
  recent.note(1, 10, [3])
  recent.note(2, 10, [9])
  recent.note(1, 11, [0, 5])
  recent.note(1, 12, [3])
  assert.deepEqual(recent.between(1, 9, 12), [0, 3, 5])
  assert.deepEqual(recent.between(1, 11, 12), [3])
  assert.deepEqual(recent.between(1, 12, 12), [])
  assert.equal(recent.between(1, 8, 12), undefined, 'before what is known')
  assert.equal(recent.between(1, 9, 13), undefined, 'somebody else changed something')
  assert.equal(recent.between(1, 9, 11), undefined, 'an older snapshot')
  assert.equal(recent.between(3, 9, 10), undefined)
})

test('a gap, and a change of very much, end what is known', () => {
  const recent = new RecentChanges()
  recent.note(1, 10, [1])
  recent.note(1, 12, [2])
  assert.equal(recent.between(1, 9, 12), undefined)
  assert.deepEqual(recent.between(1, 11, 12), [2])
  recent.note(
    1,
    13,
    Array.from({ length: 65 }, (_, chunk) => chunk),
  )
  assert.equal(recent.between(1, 12, 13), undefined)
})

test('what is remembered is bounded', () => {
  const recent = new RecentChanges()
  for (let modSeq = 1; modSeq <= 1_000; modSeq++) recent.note(1, modSeq, [modSeq])
  assert.deepEqual(recent.between(1, 990, 1_000), [991, 992, 993, 994, 995, 996, 997, 998, 999, 1_000])
  assert.equal(recent.between(1, 800, 1_000), undefined)
  for (let mailbox = 2; mailbox <= 300; mailbox++) recent.note(mailbox, 1, [1])
  assert.equal(recent.between(1, 990, 1_000), undefined)
})
