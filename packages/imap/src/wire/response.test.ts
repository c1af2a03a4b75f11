import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ResponseWriter } from './response.ts'

const written = (write: (out: ResponseWriter) => void, expectedBytes?: number): string => {
  const out = new ResponseWriter(expectedBytes)
  write(out)
  return out.take().toString('latin1')
}

/** RFC 9051 §4.3: [octets, as string]. */
const strings: readonly (readonly [string, string])[] = [
  ['', '""'],
  ['abc', '"abc"'],
  ['a "b" \\', '"a \\"b\\" \\\\"'],
  ['tab\there', '"tab\there"'],
  ['line\r\nend', '{9}\r\nline\r\nend'],
  ['caf\xe9', '{4}\r\ncaf\xe9'],
  ['a\0b', '{3}\r\na\x80b'],
  ['x'.repeat(3000), `"${'x'.repeat(3000)}"`],
]

for (const [octets, expected] of strings) {
  test(`RFC 9051 §4.3 string: ${JSON.stringify(octets.slice(0, 20))}`, () => {
    assert.equal(
      written((out) => out.string(octets)),
      expected,
    )
  })
}

test('RFC 9051 §9 nstring', () => {
  assert.equal(
    written((out) => out.nstring(undefined)),
    'NIL',
  )
})

test('numbers to 2^53-1, digit by digit', () => {
  for (const value of [
    0,
    7,
    10,
    99,
    4_294_967_295,
    2_147_483_647,
    2_147_483_648,
    21_474_836_480,
    Number.MAX_SAFE_INTEGER,
  ]) {
    assert.equal(
      written((out) => out.number(value), 1),
      String(value),
    )
  }
})

test('grows as it must, repeats, rewinds, and hands over what it has', () => {
  const out = new ResponseWriter(4)
  out.text('* 1 (').text('abc').crlf()
  const end = out.length
  out.repeat(5, 8)
  out.span(Buffer.from('012345'), 2, 4).octets(Buffer.alloc(100, 'z'))
  assert.equal(out.take().toString(), `* 1 (abc\r\nabc23${'z'.repeat(100)}`)
  assert.equal(out.length, 0)
  out.text('one').text('two').rewind(3)
  assert.equal(out.written(0).toString(), 'one')
  const first = out.take()
  out.text('TWO')
  out.repeat(0, 3)
  assert.equal(first.toString(), 'one')
  assert.equal(out.take().toString(), 'TWOTWO')
  assert.equal(end, 10)
})
