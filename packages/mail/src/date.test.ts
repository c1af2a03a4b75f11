import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatDate, parseDate } from './date.ts'

const rows: readonly [input: string, iso: string | undefined, offsetMinutes?: number, day?: string][] = [
  ['Fri, 21 Nov 1997 09:55:06 -0600', '1997-11-21T15:55:06Z', -360, '1997-11-21'],
  ['Tue, 1 Jul 2003 10:52:37 +0200', '2003-07-01T08:52:37Z', 120, '2003-07-01'],
  ['Thu, 13 Feb 1969 23:32:54 -0330', '1969-02-14T03:02:54Z', -210, '1969-02-13'],
  ['21 Nov 97 09:55:06 GMT', '1997-11-21T09:55:06Z', 0],
  ['Fri, 21 Nov 1997 09(comment):   55  :  06 -0600', '1997-11-21T15:55:06Z', -360],
  [
    'Thu,\r\n      13\r\n        Feb\r\n          1969\r\n      23:32\r\n               -0330 (Newfoundland Time)',
    '1969-02-14T03:02:00Z',
    -210,
  ],
  ['1 Jan 2026 00:30:00 +1400', '2025-12-31T10:30:00Z', 840, '2026-01-01'],
  ['1 Jan 49 00:00 UT', '2049-01-01T00:00:00Z'],
  ['1 Jan 50 00:00 EST', '1950-01-01T05:00:00Z', -300],
  ['1 Jan 103 00:00 PDT', '2003-01-01T07:00:00Z', -420],
  ['1 Jan 2026 00:00:00 A', '2026-01-01T00:00:00Z', 0],
  ['1 Jan 2026 00:00:00', '2026-01-01T00:00:00Z', 0],
  ['Sat Nov 21 22:35:00 2026', '2026-11-21T22:35:00Z'],
  ['Sat Nov 21 22:35:00 CET 2026', '2026-11-21T21:35:00Z', 60],
  ['Sat, 21-Nov-2026 22:35:00 GMT', '2026-11-21T22:35:00Z'],
  ['Sat, 21 Nov 2026 22:35:00 GMT+0200', '2026-11-21T20:35:00Z', 120],
  ['Sat, 21 Nov 2026 22:35:00-0500', '2026-11-22T03:35:00Z', -300],
  ['Sat, 21 Nov 2026 22:35:00.123 +0000', '2026-11-21T22:35:00Z'],
  ['Saturday, 21 November 2026 22:35:00 +0000', '2026-11-21T22:35:00Z'],
  ['Mon, 21 Nov 2026 22:35:00 +0000', '2026-11-21T22:35:00Z'],
  ['21 nov 2026 23:59:60 +0000', '2026-11-22T00:00:00Z', 0, '2026-11-21'],
  ['29 Feb 2024 00:00:00 +0000', '2024-02-29T00:00:00Z'],
  ['29 Feb 2026 00:00:00 +0000', undefined],
  ['31 Apr 2026 00:00:00 +0000', undefined],
  ['0 Jan 2026 00:00:00 +0000', undefined],
  // RFC 5256 §2.2: a time that is none counts as 00:00:00.
  ['1 Jan 2026 24:00:00 +0000', '2026-01-01T00:00:00Z', 0],
  ['1 Jan 2026 00:60:00 +0100', '2025-12-31T23:00:00Z', 60, '2026-01-01'],
  ['Thu, 1 Jan 2026', '2026-01-01T00:00:00Z', 0],
  ['1 Jan 2026 +0100', '2025-12-31T23:00:00Z', 60],
  ['1 Jan 2026 noon GMT', '2026-01-01T00:00:00Z', 0],
  ['1 Foo 2026 00:00:00 +0000', undefined],
  ['1 Jan', undefined],
  ['', undefined],
  ['yesterday', undefined],
  ['2026-11-21T22:35:00Z', undefined],
  [`${'('.repeat(100_000)}1 Jan 2026 00:00:00 +0000`, undefined],
]
for (const [input, iso, offsetMinutes, day] of rows) {
  test(`RFC 5322 §3.3, §4.3: ${JSON.stringify(input).slice(0, 70)}`, () => {
    const date = parseDate(input)
    assert.equal(date?.ms, iso === undefined ? undefined : Date.parse(iso))
    if (offsetMinutes !== undefined) assert.equal(date?.offsetMinutes, offsetMinutes)
    if (day !== undefined) assert.equal(date?.day, Date.parse(day) / 86_400_000)
  })
}

test('RFC 5322 §3.3: dates written are read back', () => {
  assert.equal(formatDate(Date.UTC(2026, 10, 21, 22, 35, 1, 999)), 'Sat, 21 Nov 2026 22:35:01 +0000')
  assert.equal(formatDate(Date.UTC(2026, 10, 21, 22, 35), 90), 'Sun, 22 Nov 2026 00:05:00 +0130')
  assert.equal(formatDate(Date.UTC(2026, 0, 1), -210), 'Wed, 31 Dec 2025 20:30:00 -0330')
  for (const ms of [0, 1e12, -1e11, 4e12]) assert.equal(parseDate(formatDate(ms, -570))?.ms, ms)
})

test('the usual form is read as its words are in any other', () => {
  const two = (n: number): string => String(n).padStart(2, '0')
  let state = 1
  const below = (limit: number): number => {
    state = (state * 48_271) % 2_147_483_647
    return state % limit
  }
  const monthNames = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec Foo'.split(' ')
  const outcomes = new Set<string>()
  for (let round = 0; round < 20_000; round++) {
    const day = below(2) === 0 ? String(below(34)) : two(below(34))
    const time = `${two(below(25))}:${two(below(61))}:${two(below(62))}`
    const zone = `${'+-'[below(2)]}${two(below(26))}${two(below(61))}`
    const text = `${day} ${monthNames[below(13)]} ${900 + below(2_200)} ${time} ${zone}`
    const date = parseDate(`${below(2) === 0 ? 'Thu, ' : ''}${text}${below(2) === 0 ? ' (CEST)' : ''}`)
    // A comment with a blank in it is not usual.
    assert.deepEqual(date, parseDate(`${text} (a b)`), text)
    outcomes.add(date === undefined ? 'none' : 'date')
  }
  assert.deepEqual(outcomes, new Set(['none', 'date']))
})
