import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findHeaderEnd, HeaderEndFinder, skipLines } from './header-end.ts'

const headers: readonly [text: string, end: number | undefined][] = [
  ['', undefined],
  ['a: b\r\n', undefined],
  ['a: b\r\n\r\nbody', 8],
  ['a: b\n\nbody', 6],
  ['a: b\r\n\nbody', 7],
  ['\r\nbody', 2],
  ['\nbody', 1],
  ['a: b\r\n \r\nbody\r\n', undefined],
  ['a: b\r\n\r', undefined],
  ['a: b\r\n\r\r\n', undefined],
]

for (const [text, end] of headers)
  test(`RFC 5322 §2.1: header end of ${JSON.stringify(text)}`, () => {
    assert.equal(findHeaderEnd(Buffer.from(text)), end)
  })

test('lines are counted, and what is missing is told', () => {
  const text = Buffer.from('one\r\ntwo\nthree')
  assert.deepEqual(skipLines(text, 0, 0), { end: 0, missing: 0 })
  assert.deepEqual(skipLines(text, 0, 2), { end: 9, missing: 0 })
  assert.deepEqual(skipLines(text, 5, 1), { end: 9, missing: 0 })
  assert.deepEqual(skipLines(text, 0, 5), { end: 14, missing: 3 })
})

test('the header end is found however the message is cut', () => {
  for (const [text, end] of headers) {
    const bytes = Buffer.from(text)
    for (let cut = 0; cut <= bytes.length; cut++) {
      const finder = new HeaderEndFinder()
      let at = 0
      let found: number | undefined
      for (const piece of [bytes.subarray(0, cut), bytes.subarray(cut)]) {
        const place = finder.found ? undefined : finder.take(piece)
        if (place !== undefined) found = at + place
        at += piece.length
      }
      assert.equal(found, end, `${JSON.stringify(text)} cut at ${cut}`)
    }
  }
})
