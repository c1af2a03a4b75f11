import assert from 'node:assert/strict'
import { test } from 'node:test'
import { surrogateHeader } from './surrogate.ts'

const rows: readonly (readonly [why: string, header: string, expected: string | undefined])[] = [
  ['nothing to change', 'Subject: x\r\n\r\n', undefined],
  [
    'RFC 6858 §2.3: a subject',
    'A: b\r\nSubject: Grüße\r\n\r\n',
    'A: b\r\nSubject: =?utf-8?B?R3LDvMOfZQ==?=\r\n\r\n',
  ],
  ['folded', 'Subject: Grüße\r\n an\r\n\r\n', 'Subject: =?utf-8?B?R3LDvMOfZQ==?= an\r\n\r\n'],
  [
    'a display name',
    'From: Jörg <j@example.org>\r\n\r\n',
    'From: =?utf-8?B?SsO2cmc=?= <j@example.org>\r\n\r\n',
  ],
  [
    'a quoted name, and one that needs nothing',
    'To: "Jörg, (x)" <j@example.org>, Bob Stone <b@example.org>\r\n\r\n',
    'To: =?utf-8?B?SsO2cmcsICh4KQ==?= <j@example.org>, Bob Stone <b@example.org>\r\n\r\n',
  ],
  ['a domain has a form in ASCII', 'Cc: j@bücher.example\r\n\r\n', 'Cc: j@xn--bcher-kva.example\r\n\r\n'],
  [
    'RFC 6858 §2.1: a local part has none',
    'From: Jörg <jörg@example.org>\r\n\r\n',
    'From: =?utf-8?B?SsO2cmc=?= <invalid@internationalized-address.invalid>\r\n\r\n',
  ],
  [
    'RFC 6858 §2.1: without a name the address is the name',
    'Sender: jö@example.org\r\n\r\n',
    'Sender: =?utf-8?B?asO2QGV4YW1wbGUub3Jn?=\r\n <invalid@internationalized-address.invalid>\r\n\r\n',
  ],
  [
    'RFC 6858 §2.2: parameters, by RFC 2231',
    'Content-Disposition: attachment; filename="Größe.pdf"; size=5\r\n\r\n',
    'Content-Disposition: attachment; filename*=utf-8\'\'Gr%C3%B6%C3%9Fe.pdf;\r\n size="5"\r\n\r\n',
  ],
  ['RFC 6858 §2.4: others are left out', 'A: 1\r\nMessage-ID: <ü@x>\r\nB: 2\r\n\r\n', 'A: 1\r\nB: 2\r\n\r\n'],
  ['an address list of nonsense', 'To: ü;,<>@\r\nB: 2\r\n\r\n', undefined],
]

for (const [why, header, expected] of rows)
  test(`surrogate header: ${why}`, () => {
    const made = surrogateHeader(Buffer.from(header))
    if (why.includes('nonsense')) assert.ok(made?.toString('latin1').endsWith('\r\nB: 2\r\n\r\n'))
    else assert.equal(made?.toString('latin1'), expected)
  })

test('octets that are no UTF-8 stay as they are', () => {
  assert.equal(surrogateHeader(Buffer.from('Subject: Gr\xfc\xdfe\r\n\r\n', 'latin1')), undefined)
})

test('whatever comes, what leaves is ASCII, or what came', () => {
  const parts = [
    'To: ',
    'ü',
    '<',
    '>',
    '@',
    ',',
    '"',
    '\\',
    ';',
    '=',
    '\r\n',
    ' ',
    '\r\nContent-Type: ',
    '\r\nX-Y: ',
    'é*=',
    "''",
  ]
  let seed = 1
  for (let round = 0; round < 2_000; round++) {
    let text = ''
    for (let k = 0; k < 20; k++) {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
      text += parts[(seed >>> 8) % parts.length]
    }
    const fields = `From: é\r\n${text}`.replace(/(\r\n)+/g, '\r\n')
    const made = surrogateHeader(Buffer.from(`${fields}\r\n\r\n`))
    for (const line of made!.toString('latin1').split('\r\n')) {
      if (/^(From|To|X-Y|Content-Type):/.test(line)) assert.match(line, /^[\x20-\x7e]*$/)
      assert.ok(line.length < 1_000)
    }
  }
})
