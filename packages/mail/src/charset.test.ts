import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createCharsetDecoder, decodeCharset } from './charset.ts'
import { decodeWords } from './encoded-word.ts'

/** 会議, of two words: each shifts back to ASCII at its end. RFC 1468. */
const joined = Buffer.from('\x1b$B2q\x1b(B\x1b$B5D\x1b(B', 'latin1')

test('RFC 2047 §2: words in ISO-2022-JP that follow each other', () => {
  assert.equal(decodeWords('=?ISO-2022-JP?B?GyRCMnEbKEI=?=\r\n =?iso-2022-jp?B?GyRCNUQbKEI=?= x'), '会議 x')
  assert.equal(decodeWords('=?iso-2022-jp?Q?=1B=24B2q=1B=28B?= =?iso-2022-jp?Q?a?='), '会a')
})

test('RFC 1468: shifts without characters between them say nothing, however the octets are cut', () => {
  const samples: [string, string][] = [
    [joined.toString('latin1'), '会議'],
    ['\x1b(B\x1b(J\x1b$B2q\x1b$@\x1b$B5D\x1b(B', '会議'],
    ['a\x1b$B2q\x1b(B b', 'a会 b'],
  ]
  for (const [octets, text] of samples) {
    const bytes = Buffer.from(octets, 'latin1')
    assert.equal(decodeCharset(bytes, 'ISO-2022-JP'), text)
    for (let cut = 0; cut <= bytes.length; cut++) {
      const decoder = createCharsetDecoder('iso-2022-jp')
      const found =
        decoder.push(bytes.subarray(0, cut)) + decoder.push(bytes.subarray(cut)) + decoder.finish()
      assert.equal(found, text, `${octets} cut at ${cut}`)
    }
    const decoder = createCharsetDecoder('iso-2022-jp')
    const found = [...bytes].map((octet) => decoder.push(Uint8Array.of(octet))).join('') + decoder.finish()
    assert.equal(found, text, `${octets} an octet at a time`)
  }
})
