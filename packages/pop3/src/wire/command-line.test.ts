import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeArgument, parseCommandLine } from './command-line.ts'
import { quoteArgument, readNumber } from './number-argument.ts'

const lines: readonly [line: string, keyword: string, rest: string, why: string][] = [
  ['STAT', 'STAT', '', 'RFC 1939 §3: no argument'],
  ['retr 1', 'RETR', '1', 'RFC 1939 §3: keywords in any case'],
  ['PASS  two spaces ', 'PASS', ' two spaces ', 'RFC 1939 §7: a password keeps its spaces'],
  ['PASS ', 'PASS', '', 'an empty argument'],
  ['', '', '', 'an empty line'],
  [' STAT', '', 'STAT', 'a space first'],
  ['ST\0T 1', '', '1', 'NUL in the keyword'],
  ['ST\xc4T', '', '', 'eight bits in the keyword'],
  ['TOP 1 2', 'TOP', '1 2', 'two arguments'],
  [`${'x'.repeat(256)} y`, '', 'y', 'an endless keyword'],
]

for (const [line, keyword, rest, why] of lines)
  test(`command: ${why}`, () => {
    const command = parseCommandLine(Buffer.from(line, 'latin1'))
    assert.deepEqual([command.keyword, command.rest.toString('latin1')], [keyword, rest])
  })

const numbers: readonly [argument: string, expect: string][] = [
  ['1', '1 ""'],
  ['0', '0 ""'],
  ['007', '7 ""'],
  ['12 34', '12 "34"'],
  ['12   34 ', '12 "34 "'],
  ['12 ', '12 ""'],
  ['4294967295', '4294967295 ""'],
  ['4294967296', 'too-large'],
  ['9'.repeat(400), 'too-large'],
  ['', 'invalid'],
  [' 1', 'invalid'],
  ['-1', 'invalid'],
  ['+1', 'invalid'],
  ['1.5', 'invalid'],
  ['1e3', 'invalid'],
  ['0x10', 'invalid'],
  ['１', 'invalid'],
]

for (const [argument, expect] of numbers)
  test(`RFC 1939 §3: number ${JSON.stringify(argument.slice(0, 20))}`, () => {
    const read = readNumber(Buffer.from(argument))
    assert.equal(
      read.kind === 'number' ? `${read.value} ${JSON.stringify(read.rest.toString())}` : read.kind,
      expect,
    )
  })

test('any line is a command, and what is quoted of it is printable ASCII', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (octets) => {
      const { keyword, rest } = parseCommandLine(Buffer.from(octets))
      assert.match(keyword, /^[!-~]{0,255}$/)
      assert.match(quoteArgument(rest), /^[ -~]{0,80}$/)
      const text = decodeArgument(rest)
      if (text !== undefined) assert.deepEqual(Buffer.from(text), rest)
    }),
  )
})
