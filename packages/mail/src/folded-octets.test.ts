import assert from 'node:assert/strict'
import { test } from 'node:test'
import { foldCase } from './case-fold.ts'
import { decodeCharset } from './charset.ts'
import { foldOctets } from './folded-octets.ts'

const charsets = [
  '',
  'us-ascii',
  'utf-8',
  'iso-8859-1',
  'windows-1252',
  'koi8-r',
  'gb18030',
  'gbk',
  'big5',
  'shift_jis',
  'euc-jp',
  'euc-kr',
  'iso-2022-jp',
  'utf-16le',
  'utf-7',
  'x-unknown',
]
/** Whole and broken characters of these charsets, shifts, marks, line ends and ASCII. */
const pieces: readonly (readonly number[])[] = [
  ...['a', 'Straße', 'é', 'e\u0301', '\u0301', 'ﬁ', '日本', '\ufeff', 'Ω', 'x'.repeat(300)].map((text) => [
    ...Buffer.from(text),
  ]),
  [0x0a],
  [0x0d, 0x0a],
  [0x20],
  [0xe9],
  [0xdf],
  [0xb5],
  [0x81],
  [0x81, 0x30, 0x81, 0x30],
  [0xd6, 0xd0],
  [0xa4, 0x40],
  [0x8f, 0xa2],
  [0x1b, 0x24, 0x42],
  [0x1b, 0x28, 0x42],
  [0x1b, 0x28, 0x4a],
  [0x1b],
  [0x46, 0x7c],
  [0x0e],
  [0x0f],
  [0],
]

test('RFC 5051: folding octets gives what decoding and folding give, in every charset, broken text too', () => {
  let state = 7
  const below = (limit: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return (state >>> 8) % limit
  }
  for (let round = 0; round < 4_000; round++) {
    const charset = charsets[round % charsets.length] as string
    const chosen = Array.from({ length: below(14) }, () => pieces[below(pieces.length)] as readonly number[])
    const blank = ' plain text\r\n'.repeat(below(3) === 0 ? below(200) : 0)
    const bytes = Buffer.concat([Buffer.from(blank), Buffer.from(chosen.flat()), Buffer.from(blank)])
    const expected = foldCase(decodeCharset(bytes, charset))
    assert.equal(foldOctets(bytes, charset), expected, `${charset}: ${bytes.toString('hex')}`)
  }
})
