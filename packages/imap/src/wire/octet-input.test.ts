import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OctetInput } from './octet-input.ts'

function pushed(...pieces: readonly string[]): OctetInput {
  const input = new OctetInput()
  for (const piece of pieces) input.push(Buffer.from(piece))
  return input
}

test('lines with CRLF or LF, in whatever pieces they come', () => {
  const text = 'one\r\ntwo\n\r\nfour'
  for (let at = 0; at <= text.length; at++) {
    const input = pushed(text.slice(0, at))
    const lines: string[] = []
    const drain = (): void => {
      for (;;) {
        const line = input.takeLine(100)
        if (line === undefined) return
        lines.push(String(line))
      }
    }
    drain()
    input.push(Buffer.from(text.slice(at)))
    drain()
    assert.deepEqual(lines, ['one', 'two', ''], `split at ${at}`)
    assert.equal(input.empty, false)
  }
})

test('a line is too long by one octet, however it is split and whatever ends it', () => {
  for (const end of ['\n', '\r\n'])
    for (let at = 1; at < 10; at++) {
      const fits = pushed(`12345678${end}`.slice(0, at))
      const early = fits.takeLine(8)
      fits.push(Buffer.from(`12345678${end}`.slice(at)))
      assert.equal(String(early ?? fits.takeLine(8)), '12345678')
      const long = pushed(`123456789${end}`.slice(0, at))
      const first = long.takeLine(8)
      long.push(Buffer.from(`123456789${end}`.slice(at)))
      assert.equal(first ?? long.takeLine(8), 'too-long', `split at ${at}`)
    }
})

test('octets are taken as far as they are there; what follows stays', () => {
  const input = pushed('abcdef\r\n')
  assert.equal(String(input.take(4)), 'abcd')
  assert.equal(String(input.takeLine(10)), 'ef')
  assert.equal(input.take(4).length, 0)
  assert.equal(input.empty, true)
})

test('of a dropped line the end is seen, also when it came in pieces', () => {
  const input = pushed(`${'x'.repeat(1000)}{12`)
  assert.equal(input.takeLine(100), 'too-long')
  assert.equal(input.beginning(5).toString().slice(0, 5), 'xxxxx')
  input.keepTail()
  assert.equal(input.skipLine(), undefined)
  assert.ok(input.pendingBytes === 0)
  input.push(Buffer.from('3+}\r\nnext\r\n'))
  assert.match(String(input.skipLine()), /^x+\{123\+\}$/)
  assert.equal(String(input.takeLine(100)), 'next')
})
