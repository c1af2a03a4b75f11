import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { LineEnds } from './line-ends.ts'

/** Every line feed, and what is said of the lines. */
function lineEnds(octets: Buffer, cuts: readonly number[] = []) {
  const ends = new LineEnds()
  const found: number[] = []
  let from = 0
  for (const to of [...cuts, octets.length]) {
    // What lies there is overwritten when the next chunk comes, as in memory that is used again.
    const chunk = Buffer.from(octets.subarray(from, to))
    if (chunk.length > 0) {
      ends.open(chunk)
      for (let at = ends.next(0); at >= 0; at = ends.next(at + 1)) found.push(from + at)
      chunk.fill(88)
    }
    from = to
  }
  return { found, plain: ends.arePlain, bareLf: ends.bareLf, missing: ends.missingOctets }
}

const rows: readonly (readonly [why: string, text: string, plain: boolean])[] = [
  ['nothing', '', true],
  ['lines', 'a\r\n\r\nb\tc\r\n', true],
  ['a dot within a line', 'a.\r\nb.c\r\n', true],
  ['a dot first of all', '.a\r\n', false],
  ['a dot at the beginning of a line', 'a\r\n.b\r\n', false],
  ['a dot alone', 'a\r\n.\r\n', false],
  ['no end of the last line', 'a\r\nb', false],
  ['bare LF', 'a\nb\r\n', false],
  ['LF first', '\na\r\n', false],
  ['bare CR', 'a\rb\r\n', false],
  ['CR CR LF', 'a\r\r\n', false],
  ['CR at the end', 'a\r\nb\r', false],
  ['LF CR', 'a\n\rb\r\n', false],
]

for (const [why, text, plain] of rows)
  test(`RFC 1939 §3: plain lines, ${why}: ${plain}`, () => {
    const octets = Buffer.from(text)
    const whole = lineEnds(octets)
    assert.equal(whole.plain, plain)
    assert.equal(whole.bareLf, /(?<!\r)\n/.test(text))
    for (let cut = 0; cut <= octets.length; cut++)
      assert.deepEqual(lineEnds(octets, [cut]), whole, `cut at ${cut}`)
  })

test('line ends: every one is found and judged, wherever it lies in a word and however the octets are cut', () => {
  const octet = fc.oneof({ weight: 4, arbitrary: fc.constant(65) }, fc.constantFrom(10, 13, 46, 0, 9, 255))
  const line = fc.array(octet, { maxLength: 60 }).map((octets) => Buffer.from(octets).toString('latin1'))
  const end = fc.oneof({ weight: 8, arbitrary: fc.constant('\r\n') }, fc.constantFrom('\n', '\r', ''))
  fc.assert(
    fc.property(
      fc.array(fc.tuple(line, end), { maxLength: 8 }),
      fc.array(fc.nat(300), { maxLength: 4 }),
      (lines, places) => {
        const text = lines.flat().join('')
        const octets = Buffer.from(text, 'latin1')
        const cuts = places.map((place) => Math.min(place, octets.length)).sort((a, b) => a - b)
        assert.deepEqual(lineEnds(octets, cuts), {
          found: [...text.matchAll(/\n/g)].map(({ index }) => index),
          plain: /^(?:(?!\.)[^\r\n]*\r\n)*$/.test(text),
          bareLf: /(?<!\r)\n/.test(text),
          missing: [...text.matchAll(/\r(?!\n|$)|(?<!\r)\n/g)].length,
        })
      },
    ),
  )
})
