import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LineFramer, overlongLine } from './line-framer.ts'

type Lines = readonly (string | typeof overlongLine)[]

function read(framer: LineFramer): (string | typeof overlongLine)[] {
  const lines: (string | typeof overlongLine)[] = []
  for (let line = framer.next(); line !== undefined; line = framer.next())
    lines.push(line === overlongLine ? line : line.toString('latin1'))
  return lines
}

function feed(
  input: string,
  cuts: readonly number[],
  maxLineBytes: number,
): (string | typeof overlongLine)[] {
  const framer = new LineFramer(maxLineBytes)
  const bytes = Buffer.from(input, 'latin1')
  const lines: (string | typeof overlongLine)[] = []
  let from = 0
  for (const to of [...cuts, bytes.length]) {
    framer.push(Buffer.from(bytes.subarray(from, to)))
    lines.push(...read(framer))
    from = to
  }
  return lines
}

const cases: readonly { readonly input: string; readonly expect: Lines; readonly why: string }[] = [
  { input: '', expect: [], why: 'nothing' },
  { input: 'NOOP\r\n', expect: ['NOOP'], why: 'CRLF' },
  { input: 'NOOP\n', expect: ['NOOP'], why: 'bare LF' },
  { input: '\r\n\n', expect: ['', ''], why: 'empty lines' },
  { input: 'a\r\nb\r\nc', expect: ['a', 'b'], why: 'the last line is not complete' },
  { input: 'a\rb\r\n', expect: ['a\rb'], why: 'a CR inside is left to the parser' },
  { input: 'a\r\r\n', expect: ['a\r'], why: 'one CR only belongs to the ending' },
  { input: 'a\0b\r\n', expect: ['a\0b'], why: 'NUL is left to the parser' },
  { input: '12345678\r\nx\r\n', expect: ['12345678', 'x'], why: 'exactly the limit with CRLF' },
  { input: '12345678\nx\n', expect: ['12345678', 'x'], why: 'exactly the limit with LF' },
  { input: '123456789\r\nx\r\n', expect: [overlongLine, 'x'], why: 'one more than the limit' },
  { input: '12345678\rx\ny\n', expect: [overlongLine, 'y'], why: 'the CR at the limit was not an ending' },
  { input: `${'z'.repeat(500)}\r\nx\r\n`, expect: [overlongLine, 'x'], why: 'reported once, then swallowed' },
  { input: `${'z'.repeat(500)}`, expect: [overlongLine], why: 'reported before its end comes' },
]

for (const { input, expect, why } of cases) {
  test(`lines: ${why}`, () => {
    assert.deepEqual(feed(input, [], 8), expect)
    for (let cut = 0; cut <= input.length; cut++)
      assert.deepEqual(feed(input, [cut], 8), expect, `cut at ${cut}`)
    const everywhere = Array.from({ length: input.length }, (_, i) => i)
    assert.deepEqual(feed(input, everywhere, 8), expect, 'octet by octet')
  })
}

test('an endless line costs no memory', () => {
  const framer = new LineFramer(1000)
  for (let i = 0; i < 10_000; i++) {
    framer.push(Buffer.alloc(1000, 0x41))
    framer.next()
    assert.ok(framer.pendingBytes <= 1001)
  }
})

test('many small pieces of a line do not hold their read buffers', () => {
  const framer = new LineFramer(10_000)
  for (let i = 0; i < 5000; i++) {
    framer.push(Buffer.alloc(65_536, 0x41).subarray(0, 1))
    assert.equal(framer.next(), undefined)
  }
  framer.push(Buffer.from('\n'))
  assert.equal((framer.next() as Buffer).length, 5000)
})

test('takeRest gives the unread octets, clear drops them', () => {
  const framer = new LineFramer(100)
  framer.push(Buffer.from('a\r\nbc\r\nd'))
  assert.equal(framer.next()?.toString(), 'a')
  assert.equal(framer.takeRest().toString(), 'bc\r\nd')
  assert.ok(framer.empty)
  framer.push(Buffer.from('ef'))
  framer.next()
  framer.push(Buffer.from('g'))
  assert.equal(framer.takeRest().toString(), 'efg')
  framer.push(Buffer.from('hij\r\n'))
  framer.clear()
  assert.equal(framer.next(), undefined)
  assert.equal(framer.pendingBytes, 0)
})
