import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatDateTime, parseDateTime } from './date-time.ts'

/** RFC 9051 §9 date-time, always in UTC. */
const table: readonly (readonly [number, string])[] = [
  [0, ' 1-Jan-1970 00:00:00 +0000'],
  [Date.UTC(1996, 6, 17, 9, 44, 25, 999), '17-Jul-1996 09:44:25 +0000'],
  [Date.UTC(2024, 1, 29, 23, 59, 59), '29-Feb-2024 23:59:59 +0000'],
  [-1, '31-Dec-1969 23:59:59 +0000'],
]

for (const [ms, text] of table) {
  test(`RFC 9051 §9 date-time: ${text}`, () => {
    assert.equal(formatDateTime(ms), text)
    assert.equal(parseDateTime(text), Math.floor(ms / 1000) * 1000)
  })
}

test('RFC 9051 §9 zone: hours and minutes from UTC', () => {
  assert.equal(parseDateTime('01-Jan-2000 00:00:00 +0530'), Date.UTC(1999, 11, 31, 18, 30))
  assert.equal(parseDateTime('01-Jan-2000 00:00:00 -0130'), Date.UTC(2000, 0, 1, 1, 30))
  assert.equal(parseDateTime('01-Jan-2000 00:00:00 GMT'), undefined)
})
