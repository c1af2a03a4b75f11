import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTransferDecoder, decodeTransfer } from './transfer-encoding.ts'

const rows: readonly [encoding: string, input: string, expected: string][] = [
  ['7bit', 'a=41 b\r\n', 'a=41 b\r\n'],
  ['x-unknown', 'YWJj', 'YWJj'],
  ['base64', 'YWJj', 'abc'],
  ['BASE64', 'YWI=', 'ab'],
  ['base64', 'YQ==', 'a'],
  ['base64', 'YQ', 'a'],
  ['base64', 'YWJj\r\nZGVm\r\n', 'abcdef'],
  ['base64', 'YQ==YWI=', 'aab'],
  ['base64', 'YQ==\r\nYWJj', 'aabc'],
  ['base64', '*Y W!J\tj*', 'abc'],
  ['base64', 'Y', ''],
  ['base64', '====', ''],
  ['base64', '', ''],
  ['quoted-printable', 'a=3Db=C3=A4', 'a=bä'],
  ['quoted-printable', 'a=c3=A4', 'aä'],
  ['quoted-printable', 'soft=\r\n end', 'soft end'],
  ['quoted-printable', 'soft=\n end', 'soft end'],
  ['quoted-printable', 'soft= \t\r\n end', 'soft end'],
  ['quoted-printable', 'blank  \t\r\nnext', 'blank\r\nnext'],
  ['quoted-printable', 'a  b', 'a  b'],
  ['quoted-printable', 'a=ZZ=4', 'a=ZZ=4'],
  ['quoted-printable', 'a=4=41', 'a=4A'],
  ['quoted-printable', 'a==41', 'a=A'],
  ['quoted-printable', 'a= b', 'a= b'],
  ['quoted-printable', 'a\rb\r\r\n', 'a\rb\r\r\n'],
  ['quoted-printable', 'end=', 'end'],
  ['quoted-printable', 'end   ', 'end'],
  ['quoted-printable', 'end\r', 'end\r'],
]
for (const [encoding, input, expected] of rows) {
  test(`RFC 2045 §6.7, §6.8: ${encoding} ${JSON.stringify(input)}`, () => {
    const bytes = Buffer.from(input)
    assert.equal(Buffer.from(decodeTransfer(bytes, encoding)).toString(), expected)
    for (let split = 0; split <= bytes.length; split++) {
      const decoder = createTransferDecoder(encoding)
      const parts = [bytes.subarray(0, split), bytes.subarray(split)].map((chunk) =>
        Buffer.from(decoder.push(chunk)),
      )
      assert.equal(Buffer.concat([...parts, decoder.finish()]).toString(), expected)
    }
  })
}

const odd = ['=', '=', '\r\n', '\n', '\r', ' ', '\t', 'x', '4', '=41', '=\r\n', '-', '_', '*', 'YWJj', 'YQ==']

test('RFC 2045 §6.7, §6.8: all at once, in pieces and an octet at a time give the same', () => {
  let state = 3
  const below = (limit: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return (state >>> 8) % limit
  }
  const line = () => `${'QUJD'.repeat(19)}\r\n`.repeat(below(3))
  for (let round = 0; round < 2_000; round++) {
    const pieces = Array.from({ length: below(9) }, () => odd[below(odd.length)] as string)
    const bytes = Buffer.from(`${line()}${pieces.join('')}${line()}`)
    for (const encoding of ['base64', 'quoted-printable']) {
      const slow = createTransferDecoder(encoding)
      const octets = Array.from(bytes, (octet) => Buffer.from(slow.push(Uint8Array.of(octet))))
      const expected = Buffer.concat([...octets, slow.finish()])
      const whole = Buffer.from(decodeTransfer(bytes, encoding))
      assert.ok(whole.equals(expected), `${encoding} ${JSON.stringify(bytes.toString())}`)
      const decoder = createTransferDecoder(encoding)
      const cut = below(bytes.length + 1)
      const halves = [bytes.subarray(0, cut), bytes.subarray(cut)].map((each) =>
        Buffer.from(decoder.push(each)),
      )
      assert.ok(Buffer.concat([...halves, decoder.finish()]).equals(expected), bytes.toString())
    }
  }
})
