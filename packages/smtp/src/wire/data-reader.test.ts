import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DataReader } from './data-reader.ts'

const read = (input: string, options: { lenient?: true; step?: number; commandEnd?: 'crlf' | 'lf' } = {}) => {
  const bytes = Buffer.from(input, 'latin1')
  const out: Buffer[] = []
  const reader = new DataReader({
    sink: (chunk) => out.push(Buffer.from(chunk)),
    bareLf: options.lenient ? 'lenient' : 'strict',
    commandEnd: options.commandEnd ?? 'crlf',
  })
  const step = options.step ?? bytes.length
  let at = 0
  while (at < bytes.length && !reader.ended) {
    const piece = bytes.subarray(at, at + step)
    const used = reader.push(piece, 0)
    if (!reader.ended) assert.equal(used, piece.length)
    at += used
  }
  const text = Buffer.concat(out).toString('latin1')
  assert.equal(reader.sizeBytes, text.length)
  return { text, ended: reader.ended, rest: bytes.toString('latin1', at) }
}

interface Row {
  readonly rfc: string
  readonly input: string
  readonly lenient?: true
  readonly commandEnd?: 'lf'
  readonly text: string
  /** What follows the end of data; undefined: the end was not found. */
  readonly rest?: string
}
const rows: Row[] = [
  { rfc: 'RFC 5321 §4.1.1.4', input: 'a\r\n.\r\nQUIT\r\n', text: 'a\r\n', rest: 'QUIT\r\n' },
  { rfc: 'RFC 5321 §4.1.1.4', input: '.\r\n', text: '', rest: '' },
  { rfc: 'RFC 5321 §4.5.2', input: '..\r\n...\r\n.a\r\n.\r\n', text: '.\r\n..\r\na\r\n', rest: '' },
  { rfc: 'RFC 5321 §4.1.1.4', input: 'a.\r\n.b\r\n\r\n.\r\n', text: 'a.\r\nb\r\n\r\n', rest: '' },
  { rfc: 'RFC 5321 §2.3.8', input: 'a\nb\r\n.\r\n', text: 'a\r\nb\r\n', rest: '' },
  { rfc: 'RFC 5321 §2.3.8', input: 'a\rb\r\rc\r\n.\r\n', text: 'a b  c\r\n', rest: '' },
  { rfc: 'RFC 5321 §2.3.8', input: 'a\r\r\nb\r\r\r\n.\r\n', text: 'a\r\nb\r\n', rest: '' },
  { rfc: 'smuggling LF.LF', input: 'a\n.\nMAIL\r\n.\r\n', text: 'a\r\n\r\nMAIL\r\n', rest: '' },
  { rfc: 'smuggling LF.CRLF', input: 'a\n.\r\nMAIL\r\n.\r\n', text: 'a\r\n\r\nMAIL\r\n', rest: '' },
  { rfc: 'smuggling CRLF.LF', input: 'a\r\n.\nMAIL\r\n.\r\n', text: 'a\r\n\r\nMAIL\r\n', rest: '' },
  { rfc: 'smuggling CR.CR', input: 'a\r.\rMAIL\r\n.\r\n', text: 'a . MAIL\r\n', rest: '' },
  { rfc: 'smuggling CR.CRLF', input: 'a\r.\r\nMAIL\r\n.\r\n', text: 'a .\r\nMAIL\r\n', rest: '' },
  { rfc: 'smuggling CRLF.CR', input: 'a\r\n.\rMAIL\r\n.\r\n', text: 'a\r\n MAIL\r\n', rest: '' },
  { rfc: 'smuggling CRLF.CRCRLF', input: 'a\r\n.\r\r\nMAIL\r\n.\r\n', text: 'a\r\n\r\nMAIL\r\n', rest: '' },
  { rfc: 'smuggling CRCRLF.CRCRLF', input: 'a\r\r\n.\r\r\nM\r\n.\r\n', text: 'a\r\n\r\nM\r\n', rest: '' },
  { rfc: 'smuggling LFCR.', input: 'a\n\r.\r\nM\r\n.\r\n', text: 'a\r\n .\r\nM\r\n', rest: '' },
  { rfc: 'smuggling NUL', input: 'a\r\n.\0\r\nM\r\n.\r\n', text: 'a\r\n\0\r\nM\r\n', rest: '' },
  { rfc: 'DATA LF', input: '.\r\nM\r\n.\r\n', commandEnd: 'lf', text: '\r\nM\r\n', rest: '' },
  { rfc: 'trusted LF.LF', input: 'a\n.\nMAIL\r\n', lenient: true, text: 'a\r\n', rest: 'MAIL\r\n' },
  { rfc: 'trusted LF.CRLF', input: 'a\n.\r\nMAIL\r\n', lenient: true, text: 'a\r\n', rest: 'MAIL\r\n' },
  { rfc: 'trusted CR.CR', input: 'a\r.\rM\n.\n', lenient: true, text: 'a . M\r\n', rest: '' },
  { rfc: 'unfinished', input: 'a\r\n.', text: 'a\r\n' },
  { rfc: 'unfinished', input: 'a\r\n.\r', text: 'a\r\n' },
  { rfc: 'unfinished', input: 'abc', text: 'abc' },
]

for (const row of rows) {
  test(`DATA, ${row.rfc}: ${JSON.stringify(row.input)}`, () => {
    for (let step = 1; step <= row.input.length; step++) {
      const { rfc: _rfc, input, text, rest, ...options } = row
      const got = read(input, { ...options, step })
      assert.equal(got.text, text, `step ${step}`)
      assert.equal(got.ended, rest !== undefined, `step ${step}`)
      if (rest !== undefined) assert.equal(got.rest, rest, `step ${step}`)
    }
  })
}

test('DATA: nothing but CR LF line ends is passed on, whatever comes, in any pieces', () => {
  const letters = ['\r', '\n', '.', 'a']
  for (let n = 0; n < 4 ** 7; n++) {
    let input = ''
    for (let k = n, left = 7; left > 0; left--, k = Math.floor(k / 4)) input += letters[k % 4]
    const whole = read(`x${input}`)
    assert.doesNotMatch(whole.text, /\r(?!\n)|(?<!\r)\n/)
    assert.equal(whole.ended, `x${input}`.includes('\r\n.\r\n'), JSON.stringify(input))
    const bytewise = read(`x${input}`, { step: 1 })
    assert.deepEqual(bytewise, { ...whole, rest: bytewise.rest })
  }
})

test('DATA: long lines with control octets anywhere are read as octet by octet, wherever they lie in memory', () => {
  // Those of a linear congruence: the same in each run.
  let seed = 1
  const random = (below: number): number => {
    seed = (seed * 48_271) % 2_147_483_647
    return seed % below
  }
  const pieces = ['\r\n', '\r\n', '\r\n.', '\n', '\r', '\t', '\0', '\x0b\x0c', '.', 'é', '\x0e\x7f\xff']
  for (let n = 0; n < 400; n++) {
    let input = ''
    for (let left = 12; left > 0; left--)
      input += 'x'.repeat(random(90)) + pieces[random(pieces.length)]! + 'y'.repeat(random(5))
    input += '\r\n.\r\nQUIT\r\n'
    const bytewise = read(input, { step: 1 })
    for (const step of [input.length, 33 + random(64)]) {
      const got = read(input, { step })
      assert.deepEqual(got, bytewise)
    }
  }
})

test('BDAT, RFC 3030 §2: dots mean nothing, line ends are as in DATA', () => {
  for (const [input, expect] of [
    ['.\r\n..a\r\nb\n.\n', '.\r\n..a\r\nb\r\n.\r\n'],
    ['a\rb', 'a b\r\n'],
    ['a\r', 'a\r\n'],
    ['', ''],
  ] as const) {
    for (let step = 1; step <= input.length + 1; step++) {
      const out: Buffer[] = []
      const reader = new DataReader({
        sink: (chunk) => out.push(Buffer.from(chunk)),
        bareLf: 'strict',
        commandEnd: 'crlf',
        framing: 'counted',
      })
      for (let at = 0; at < input.length; at += step) reader.push(Buffer.from(input.slice(at, at + step)), 0)
      reader.finish()
      assert.equal(Buffer.concat(out).toString(), expect)
    }
  }
})
