import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DataReader } from './data-reader.ts'
import { DotStuffer } from './dot-stuffer.ts'

const stuff = (input: string, step: number, limit?: number): string => {
  const stuffer = new DotStuffer(limit)
  let out = ''
  for (let at = 0; at < input.length; at += step) {
    out += Buffer.from(stuffer.push(Buffer.from(input.slice(at, at + step), 'latin1'))).toString('latin1')
  }
  return out + Buffer.from(stuffer.finish()).toString('latin1')
}

const rows: readonly (readonly [rfc: string, input: string, expect: string, limit?: number])[] = [
  ['RFC 5321 §4.5.2', 'a\r\n.b\r\n..\r\n', 'a\r\n..b\r\n...\r\n.\r\n'],
  ['RFC 5321 §4.5.2', '.\r\n', '..\r\n.\r\n'],
  ['RFC 5321 §4.1.1.4', '', '.\r\n'],
  ['RFC 5321 §4.1.1.4', 'a', 'a\r\n.\r\n'],
  ['RFC 5321 §2.3.8', 'a\nb\n.\nc', 'a\r\nb\r\n..\r\nc\r\n.\r\n'],
  ['RFC 5321 §2.3.8', 'a\r.\rb\r\r\n.c', 'a . b \r\n..c\r\n.\r\n'],
  ['RFC 5321 §2.3.8', 'a\r', 'a\r\n.\r\n'],
  ['RFC 5321 §4.5.3.1.6', 'abcdefgh\r\nabcd\r\n.', 'abcd\r\n efg\r\n h\r\nabcd\r\n..\r\n.\r\n', 4],
]
for (const [rfc, input, expect, limit] of rows) {
  test(`dot-stuffing, ${rfc}: ${JSON.stringify(input)}`, () => {
    for (let step = 1; step <= Math.max(1, input.length); step++)
      assert.equal(stuff(input, step, limit), expect)
  })
}

test('what is stuffed comes out of DATA as it was, with CR LF line ends', () => {
  const letters = ['\r\n', '\n', '\r', '.', 'a']
  for (let n = 0; n < 5 ** 6; n++) {
    let input = ''
    for (let k = n, left = 6; left > 0; left--, k = Math.floor(k / 5)) input += letters[k % 5]
    const sent = stuff(input, 3)
    let got = ''
    const reader = new DataReader({
      sink: (chunk) => {
        got += Buffer.from(chunk).toString('latin1')
      },
      bareLf: 'lenient',
      commandEnd: 'crlf',
    })
    const bytes = Buffer.from(sent, 'latin1')
    assert.equal(reader.push(bytes, 0), bytes.length, JSON.stringify(input))
    assert.ok(reader.ended)
    let expect = input
      .replace(/\r$/, '')
      .replace(/\r(?!\n)/g, ' ')
      .replace(/(?<!\r)\n/g, '\r\n')
    if (input.endsWith('\r') || (expect !== '' && !expect.endsWith('\n'))) expect += '\r\n'
    assert.equal(got, expect, JSON.stringify(input))
  }
})
