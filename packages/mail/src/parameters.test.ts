import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeParameters, maxParameters, parseParameters } from './parameters.ts'

const rows: readonly [section: string, input: string, value: string, parameters: Record<string, string>][] = [
  ['RFC 2045 §5.1', 'text/plain; charset=us-ascii (Plain text)', 'text/plain', { charset: 'us-ascii' }],
  ['RFC 2045 §5.1', 'text/plain; charset="us-ascii"', 'text/plain', { charset: 'us-ascii' }],
  ['RFC 2045 §5.1', ' Text/Plain;\r\n\tCHARSET = "a\\"b" ; x=y', 'Text/Plain', { charset: 'a"b', x: 'y' }],
  ['RFC 2046 §5.1.1', 'multipart/mixed; boundary="a; b=c"', 'multipart/mixed', { boundary: 'a; b=c' }],
  [
    'RFC 2231 §3',
    'message/external-body; access-type=URL; URL*0="ftp://"; URL*1="cs.utk.edu/pub"',
    'message/external-body',
    { 'access-type': 'URL', url: 'ftp://cs.utk.edu/pub' },
  ],
  [
    'RFC 2231 §4',
    "application/x-stuff; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A",
    'application/x-stuff',
    { title: 'This is ***fun***' },
  ],
  [
    'RFC 2231 §4.1',
    "application/x-stuff; title*0*=us-ascii'en'This%20is%20even%20more%20; title*1*=%2A%2A%2Afun%2A%2A%2A%20; title*2=\"isn't it!\"",
    'application/x-stuff',
    { title: "This is even more ***fun*** isn't it!" },
  ],
  ['RFC 2231 §3: any order', 'a; n*1=b; n*0=a', 'a', { n: 'ab' }],
  [
    'RFC 2231 §4',
    "attachment; filename*=utf-8''%e2%82%ac%20rates.pdf",
    'attachment',
    { filename: '€ rates.pdf' },
  ],
  [
    'wild: both forms',
    'attachment; filename="x.pdf"; filename*=utf-8\'\'%e2%82%ac.pdf',
    'attachment',
    { filename: '€.pdf' },
  ],
  [
    'wild: RFC 2047 in a parameter',
    'attachment; filename="=?utf-8?Q?=E2=82=AC.pdf?="',
    'attachment',
    { filename: '€.pdf' },
  ],
  [
    'wild: blanks in a token',
    'attachment; filename=my file.pdf; x=1',
    'attachment',
    { filename: 'my file.pdf', x: '1' },
  ],
  [
    'wild: no semicolon before a parameter',
    'text/plain charset=utf-8 format = flowed (x) delsp=yes',
    'text/plain',
    { charset: 'utf-8', format: 'flowed', delsp: 'yes' },
  ],
  [
    'wild: no semicolon after quotes',
    'multipart/mixed; charset="a b=c" \t boundary="x"y',
    'multipart/mixed',
    { charset: 'a b=c', boundary: 'x' },
  ],
  [
    'wild: a comma for a semicolon',
    'text/plain; charset=utf-8 , format=flowed; name=a, b.txt',
    'text/plain',
    { charset: 'utf-8', format: 'flowed', name: 'a, b.txt' },
  ],
  ['wild: comments everywhere', 'a (x) ; (c) b (d) = (e) c (f)', 'a', { b: 'c' }],
  ['wild: no value', 'attachment; filename', 'attachment', {}],
  ['wild: stray semicolons', ';; a=b;;c=d;', '', { a: 'b', c: 'd' }],
  ['wild: open quote', 'a; b="c; d', 'a', { b: 'c; d' }],
  ['wild: open comment', 'a (x; b=c', 'a', {}],
  ['wild: broken percent', "a; b*=utf-8''%zz%4", 'a', { b: '%zz%4' }],
  ['wild: no charset', 'a; b*=%41', 'a', { b: 'A' }],
]
for (const [section, input, value, parameters] of rows) {
  test(`${section}: ${input.slice(0, 70)}`, () => {
    const decoded = decodeParameters(input)
    assert.equal(decoded.value, value)
    assert.deepEqual(Object.fromEntries(decoded.parameters), parameters)
  })
}

test('RFC 2231 §6: for BODYSTRUCTURE continuations are joined and charsets stay', () => {
  assert.deepEqual(parseParameters('a; t*0*=utf-8\'\'%20; t*1="b c"; u*0=x; u*1=y; v=z').parameters, [
    ['t*', "utf-8''%20b%20c"],
    ['u', 'xy'],
    ['v', 'z'],
  ])
})

test('CVE-2026-27859 class: parameters are capped and linear', () => {
  const start = process.cpuUsage()
  assert.equal(parseParameters(`a${';b=c'.repeat(100_000)}`).parameters.length, maxParameters)
  parseParameters(`a${Array.from({ length: 20_000 }, (_, i) => `;b*${i % 10_000}=c`).join('')}`)
  parseParameters(`a; b="${'\\"'.repeat(200_000)}"`)
  parseParameters(`a ${'('.repeat(300_000)}`)
  parseParameters(`a${'; ('.repeat(100_000)}`)
  parseParameters(`a${' b,'.repeat(100_000)}`)
  parseParameters(`a${' '.repeat(200_000)}b${' '.repeat(200_000)}c`)
  assert.equal(parseParameters(`a${' b=c'.repeat(100_000)}`).parameters.length, maxParameters)
  assert.ok(process.cpuUsage(start).user < 2_000_000)
})
