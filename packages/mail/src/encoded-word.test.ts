import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { decodeCharset, knowsCharset } from './charset.ts'
import { decodeWords, encodeWords, undecodedOctets } from './encoded-word.ts'

const libmime = createRequire(import.meta.url)('libmime') as { decodeWords(text: string): string }

const rows: readonly [section: string, input: string, expected: string][] = [
  ['§2', 'plain text', 'plain text'],
  ['§2', '=?iso-8859-1?q?this=20is=20some=20text?=', 'this is some text'],
  ['§4.2', '=?US-ASCII?Q?Keith_Moore?=', 'Keith Moore'],
  ['§8', '=?ISO-8859-1?Q?Andr=E9?= Pirard', 'André Pirard'],
  [
    '§8',
    '=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?= =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=',
    'If you can read this you understand the example.',
  ],
  ['§6.2', '(=?ISO-8859-1?Q?a?= b)', '(a b)'],
  ['§6.2', '=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=', 'ab'],
  ['§6.2', '=?ISO-8859-1?Q?a?=  \r\n =?ISO-8859-1?Q?b?=', 'ab'],
  ['§6.2', '=?ISO-8859-1?Q?a_?= =?ISO-8859-2?Q?_b?=', 'a  b'],
  ['wild: a character split between words', '=?utf-8?B?4oI=?= =?utf-8?B?rA==?=', '€'],
  ['wild: a character split between Q words', '=?utf-8?Q?=E2=82?=\r\n =?UTF-8?Q?=AC?=', '€'],
  ['wild: no blank between words', '=?utf-8?Q?a?==?utf-8?Q?b?=', 'ab'],
  ['wild: blanks in the text', '=?utf-8?Q?a b?=', 'a b'],
  ['wild: raw UTF-8', 'Gr\xc3\xb6\xc3\x9fe', 'Größe'],
  ['wild: raw windows-1252', 'Gr\xf6\xdfe \x80', 'Größe €'],
  ['RFC 2231 §5', '=?utf-8*de?Q?Gr=C3=B6=C3=9Fe?=', 'Größe'],
  ['charset', '=?gb18030?B?udjT2s/C1tw=?=', '关于下周'],
  ['charset', '=?big5?B?pKSk5Q==?=', '中文'],
  ['charset', '=?iso-2022-jp?B?GyRCMnE1RBsoQg==?=', '会議'],
  ['charset', '=?euc-kr?B?x9GxuQ==?=', '한국'],
  ['charset', '=?koi8-r?B?79TexdQ=?=', 'Отчет'],
  ['charset', '=?windows-1251?Q?=CF=F0=E8=E2=E5=F2?=', 'Привет'],
  ['charset', '=?utf-7?Q?+AOQ-?=', 'ä'],
  ['unknown charset', '=?x-nothing?Q?=C3=A4?=', 'ä'],
  ['broken: no end', '=?utf-8?Q?abc', '=?utf-8?Q?abc'],
  ['broken: no charset', '=??Q?abc?=', '=??Q?abc?='],
  ['broken: unknown encoding', '=?utf-8?X?abc?=', '=?utf-8?X?abc?='],
  ['broken: hexadecimal', '=?utf-8?Q?a=ZZ=4?=', 'a=ZZ=4'],
  ['broken: base64', '=?utf-8?B?!!!!?=', ''],
  ['broken: UTF-8', '=?utf-8?Q?=FF?=', '\ufffd'],
  ['empty', '=?utf-8?Q??=', ''],
]
for (const [section, input, expected] of rows) {
  test(`RFC 2047 ${section}: ${JSON.stringify(input).slice(0, 60)}`, () =>
    assert.equal(decodeWords(input), expected))
}

test('RFC 2047: agrees with libmime where the input is right', () => {
  for (const [section, input] of rows) {
    if (!section.startsWith('§') && section !== 'charset') continue
    // The ISO-2022-JP, blanks and folding of both agree; libmime leaves outer blanks.
    assert.equal(decodeWords(input).trim(), libmime.decodeWords(input).trim(), input)
  }
})

test('RFC 2047 §2: encoding stays in words of 75 and decodes to the same', () => {
  for (const text of [
    'Grüße aus Genève',
    'Отчёт за неделю '.repeat(20).trim(),
    '🎉'.repeat(60),
    'a =?utf-8?Q?b?= c',
    'x'.repeat(300),
  ]) {
    const encoded = encodeWords(text)
    assert.match(encoded, /^[\x20-\x7e]*$/)
    for (const word of encoded.split(' ')) assert.ok(word.length <= 75 || !word.startsWith('=?'))
    assert.equal(decodeWords(encoded), text)
  }
  assert.equal(encodeWords('plain ASCII, as it is'), 'plain ASCII, as it is')
  assert.equal(encodeWords('a\r\nBcc: x'), 'a Bcc: x')
})

test('charsets: names of the wild, undeclared octets, unknown names', () => {
  assert.equal(decodeCharset(Buffer.from([0xe4]), 'latin1'), 'ä')
  assert.equal(decodeCharset(Buffer.from([0xe4]), 'ISO_8859-15'), 'ä')
  assert.equal(decodeCharset(Buffer.from('ä'), 'us-ascii'), 'ä')
  assert.equal(decodeCharset(Buffer.from([0xe4]), 'us-ascii'), 'ä')
  assert.equal(decodeCharset(Buffer.from([0xe4]), 'no such charset'), 'ä')
  assert.equal(decodeCharset(Buffer.from([0x83, 0x65]), 'cp932'), 'テ')
  assert.equal(decodeCharset(Buffer.from('~{<:Ky2;S{~}'), 'hz-gb-2312').includes('\ufffd'), false)
  assert.equal(knowsCharset('UTF-8'), true)
  assert.equal(knowsCharset('US-ASCII'), true)
  assert.equal(knowsCharset('koi8-r'), true)
  assert.equal(knowsCharset('x-unheard-of'), false)
  assert.equal(knowsCharset('a'.repeat(100)), false)
})

test('encoded words without end are linear', () => {
  const start = process.cpuUsage()
  decodeWords('=?utf-8?Q?'.repeat(100_000))
  decodeWords('=?'.repeat(500_000))
  decodeWords('=?utf-8?Q?a?= '.repeat(50_000))
  assert.ok(process.cpuUsage(start).user < 2_000_000)
})

const undecodable: readonly [input: string, octets: string | undefined][] = [
  ['plain text', undefined],
  ['=?iso-8859-1?q?caf=E9?=', undefined],
  ['=?utf-8?q?caf=C3=A9?= x', undefined],
  ['caf\xc3\xa9 =?utf-8?q?x?=', undefined],
  ['=?utf-8?q?caf=C3?= =?utf-8?q?=A9?=', undefined],
  ['a =?utf-8?q?caf=C3?= b', 'a caf\xc3 b'],
  ['=?x-none?q?abc?=\r\n =?x-none?q?=E9?=', 'abc\xe9'],
  ['caf\xe9', 'caf\xe9'],
  ['=?us-ascii?q?caf=E9?=', 'caf\xe9'],
]
for (const [input, octets] of undecodable) {
  test(`RFC 5255 §4.6: what is no text in its charset: ${JSON.stringify(input)}`, () => {
    assert.equal(undecodedOctets(input, decodeWords(input)), octets)
  })
}
