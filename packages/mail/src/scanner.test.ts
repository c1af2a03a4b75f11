import assert from 'node:assert/strict'
import { test } from 'node:test'
import { simpleParser } from 'mailparser'
import { decodedTexts } from './decoded-text.ts'
import { decodeWords } from './encoded-word.ts'
import { locatePart } from './part-locator.ts'
import { createMessageScanner, scanMessage } from './scanner.ts'
import { scanSplit } from './scanner-fixture.ts'
import type { Part } from './structure.ts'
import { decodeSummary } from './summary-decode.ts'
import { encodeSummary } from './summary-encode.ts'

/** `type/subtype header+body` with children in brackets; what a part's body holds is compared apart. */
const outline = (part: Part): string => {
  const self = `${part.type}/${part.subtype}`
  if (part.kind === 'multipart') return `${self}[${part.children.map(outline).join(' ')}]`
  return part.kind === 'message' ? `${self}(${outline(part.content)})` : self
}

const bodyOf = (message: string, part: Part | undefined): string | undefined =>
  part && message.slice(part.bodyStart, part.bodyEnd)

const nested = [
  'From: a@b',
  'Content-Type: multipart/mixed; boundary="outer"',
  '',
  'preamble',
  '--outer',
  '',
  'one',
  '',
  '--outer  ',
  'Content-Type: multipart/alternative; boundary=outer-inner',
  '',
  '--outer-inner',
  'Content-Type: text/html; charset=utf-8',
  'Content-Transfer-Encoding: Quoted-Printable',
  'Content-ID: <x@y>',
  'Content-Description: some',
  ' thing',
  'Content-Disposition: INLINE; filename="a.html"',
  'Content-Language: en, de',
  'Content-Location: http://x/',
  'Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==',
  '',
  '<p>=C3=A4</p>',
  '--outer-inner--',
  'epilogue of inner',
  '--outer',
  'Content-Type: message/rfc822',
  '',
  'Subject: inside',
  'From: Inner <i@n>',
  'Content-Type: multipart/digest; boundary=d',
  '',
  '--d',
  '',
  'Subject: digested',
  '',
  'text',
  '--d--',
  '--outer--',
  'epilogue',
  '--outer',
  'not a part any more',
  '',
].join('\r\n')

const cases: readonly [name: string, message: string, outline: string, bodies: Record<string, string>][] = [
  [
    'RFC 2046 §5.1: nested multiparts, digest, message',
    nested,
    'multipart/mixed[text/plain multipart/alternative[text/html] message/rfc822(multipart/digest[message/rfc822(text/plain)])]',
    { '1': 'one\r\n', '2.1': '<p>=C3=A4</p>', '3.1.1': 'text' },
  ],
  ['RFC 2045 §5.2: no header at all', '\r\nbody', 'text/plain', { '1': 'body' }],
  ['no octets', '', 'text/plain', { '1': '' }],
  ['a header without end', 'Subject: x', 'text/plain', { '1': '' }],
  ['a broken Content-Type', 'Content-Type: nonsense\r\n\r\nx', 'text/plain', { '1': 'x' }],
  [
    'RFC 2046 §5.1.1: a delimiter that the message breaks off at opens no part',
    'Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\none\r\n--b',
    'multipart/mixed[text/html]',
    { '1': 'one' },
  ],
  [
    'a delimiter that is the last line opens an empty part',
    'Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b\r\n',
    'multipart/mixed[text/plain text/plain]',
    { '1': 'one', '2': '' },
  ],
  [
    'no semicolon before the boundary',
    'Content-Type: multipart/mixed charset=utf-8 boundary=b\r\n\r\n--b\r\n\r\none\r\n--b--\r\n',
    'multipart/mixed[text/plain]',
    { '1': 'one' },
  ],
  [
    'bare LF',
    nested.replaceAll('\r\n', '\n'),
    'multipart/mixed[text/plain multipart/alternative[text/html] message/rfc822(multipart/digest[message/rfc822(text/plain)])]',
    { '1': 'one\n', '2.1': '<p>=C3=A4</p>', '3.1.1': 'text' },
  ],
  [
    'no delimiter',
    'Content-Type: multipart/mixed; boundary=x\r\n\r\nabc',
    'multipart/mixed[text/plain]',
    { '1': '' },
  ],
  ['no boundary parameter', 'Content-Type: multipart/mixed\r\n\r\n--x\r\n', 'text/plain', { '1': '--x\r\n' }],
  [
    'an empty multipart',
    'Content-Type: multipart/mixed; boundary=x\r\n\r\n--x--\r\n',
    'multipart/mixed[text/plain]',
    { '1': '' },
  ],
  [
    'adjacent delimiters',
    'Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n--x\r\n\r\n--x--',
    'multipart/mixed[text/plain text/plain]',
    { '1': '', '2': '' },
  ],
  [
    'a part header without end',
    'Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/html\r\n--x--',
    'multipart/mixed[text/html]',
    { '1': '' },
  ],
  [
    'a message without content',
    'Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: message/rfc822\r\n\r\n--x--',
    'multipart/mixed[message/rfc822(text/plain)]',
    { '1': '' },
  ],
  [
    'an inner boundary that begins with the outer',
    'Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: multipart/mixed; boundary=xy\r\n\r\n--xy\r\n\r\na\r\n--xy--\r\n--x--',
    'multipart/mixed[multipart/mixed[text/plain]]',
    { '1.1': 'a' },
  ],
  [
    'an inner multipart never closed',
    'Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\n\r\na\r\n--x\r\n\r\nb\r\n--x--',
    'multipart/mixed[multipart/mixed[text/plain] text/plain]',
    { '1.1': 'a', '2': 'b' },
  ],
  [
    'the same boundary inside',
    'Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\na\r\n--x--\r\n--x\r\n\r\nb\r\n--x--',
    'multipart/mixed[multipart/mixed[text/plain] text/plain]',
    { '1.1': 'a', '2': 'b' },
  ],
  [
    'the message ends inside a part',
    'Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nabc',
    'multipart/mixed[text/plain]',
    { '1': 'abc' },
  ],
  [
    'a boundary in quotes with blanks',
    'Content-Type: multipart/mixed; boundary="a b  "\r\n\r\n--a b\r\n\r\nx\r\n--a b--\r\n',
    'multipart/mixed[text/plain]',
    { '1': 'x' },
  ],
  [
    'lines that begin like delimiters',
    'Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\n-\r\n--\r\n--xx\r\n --x\r\n--x-\r\n--x--',
    'multipart/mixed[text/plain]',
    { '1': '-\r\n--\r\n--xx\r\n --x\r\n--x-' },
  ],
]
for (const [name, message, expected, bodies] of cases) {
  test(`scanner, ${name}`, () => {
    const bytes = Buffer.from(message)
    const whole = scanMessage(bytes)
    assert.equal(outline(whole.structure), expected)
    for (const [path, body] of Object.entries(bodies)) {
      assert.equal(bodyOf(message, locatePart(whole.structure, path.split('.').map(Number))), body, path)
    }
    assert.deepEqual(decodeSummary(encodeSummary(whole)), whole)
    for (let size = 1; size <= bytes.length; size = size < 40 ? size + 1 : size * 2) {
      assert.deepEqual(scanSplit(bytes, size), whole, `chunks of ${size}`)
    }
    for (let split = 0; split <= bytes.length; split++) {
      const scanner = createMessageScanner()
      scanner.push(bytes.subarray(0, split))
      scanner.push(bytes.subarray(split))
      assert.deepEqual(scanner.finish(), whole, `split at ${split}`)
    }
  })
}

test('RFC 2045, RFC 2183, RFC 3282: the fields of a part', () => {
  const { structure } = scanMessage(Buffer.from(nested))
  const html = locatePart(structure, [2, 1])
  assert.ok(html?.kind === 'text')
  assert.deepEqual(
    { ...html, headerStart: 0, bodyStart: 0, bodyEnd: 0 },
    {
      kind: 'text',
      type: 'text',
      subtype: 'html',
      parameters: [['charset', 'utf-8']],
      encoding: 'quoted-printable',
      id: '<x@y>',
      description: 'some thing',
      disposition: { type: 'inline', parameters: [['filename', 'a.html']] },
      languages: ['en', 'de'],
      location: 'http://x/',
      md5: 'Q2hlY2sgSW50ZWdyaXR5IQ==',
      headerStart: 0,
      bodyStart: 0,
      bodyEnd: 0,
      lines: 0,
    },
  )
  const message = locatePart(structure, [3])
  assert.ok(message?.kind === 'message')
  assert.equal(message.envelope.subject, 'inside')
  assert.deepEqual(message.envelope.from, [{ name: 'Inner', mailbox: 'i', host: 'n' }])
  assert.equal(nested.slice(message.headerStart, message.bodyStart), 'Content-Type: message/rfc822\r\n\r\n')
})

test('RFC 9051 §6.4.5.1: part numbers', () => {
  const single = scanMessage(Buffer.from('\r\nx')).structure
  assert.equal(locatePart(single, []), single)
  assert.equal(locatePart(single, [1]), single)
  assert.equal(locatePart(single, [2]), undefined)
  assert.equal(locatePart(single, [1, 1]), undefined)
  const { structure } = scanMessage(Buffer.from(nested))
  assert.equal(locatePart(structure, [3, 1])?.kind, 'message')
  assert.equal(locatePart(structure, [3, 1, 1])?.type, 'text')
  assert.equal(locatePart(structure, [3, 1, 1, 1]), undefined)
  assert.equal(locatePart(structure, [3, 2]), undefined)
  assert.equal(locatePart(structure, [0]), undefined)
})

test('lines, sizes, kinds of octets', () => {
  const summary = scanMessage(Buffer.from('Subject: \xc3\xa4\r\n\r\none\r\ntwo\nthree\0\xff', 'latin1'))
  assert.equal(summary.bodyLines, 2)
  assert.equal(summary.structure.lines, 2)
  assert.deepEqual(summary.octetKinds, {
    utf8Header: true,
    eightBitBody: true,
    nul: true,
    bareLf: true,
    plainLines: false,
  })
  assert.deepEqual(scanMessage(Buffer.from(nested)).octetKinds, {
    utf8Header: false,
    eightBitBody: false,
    nul: false,
    bareLf: false,
    plainLines: true,
  })
})

test('RFC 9051 §2.3.5: ENVELOPE fields, kept fields octet for octet', () => {
  const header =
    'Received: from x\r\n\tby y\r\nX-Other: no\r\nDATE:  Fri, 21 Nov 1997\r\n 09:55:06 -0600\r\nsubject: =?utf-8?Q?a?=\r\n =?utf-8?Q?b?=\r\n' +
    'From: A <a@b>\r\nReply-To: r@s\r\nTo: x@y\r\nTo: z@w\r\nSender:\r\nReferences: <1@2>\r\n <3@4>\r\nReceived: again\r\n'
  const summary = scanMessage(Buffer.from(`${header}\r\n`))
  assert.equal(summary.fields, header.replace('X-Other: no\r\n', ''))
  assert.equal(summary.receivedCount, 2)
  assert.equal(summary.envelope.date, 'Fri, 21 Nov 1997 09:55:06 -0600')
  assert.equal(summary.envelope.subject, '=?utf-8?Q?a?= =?utf-8?Q?b?=')
  assert.equal(summary.sentMs, Date.parse('1997-11-21T15:55:06Z'))
  assert.equal(summary.envelope.sender, undefined)
  assert.deepEqual(summary.envelope.replyTo, [{ name: undefined, mailbox: 'r', host: 's' }])
  assert.deepEqual(
    summary.envelope.to.map(({ mailbox }) => mailbox),
    ['x', 'z'],
  )
})

test('agrees with mailparser on addresses, subject, date, texts and attachments', async () => {
  const message = Buffer.from(
    [
      'From: =?utf-8?Q?J=C3=BCrgen?= <j@example.org>',
      'To: "Keller, Anna" <a@example.org>, b@example.org',
      'Subject: =?iso-2022-jp?B?GyRCMnE1RBsoQg==?= x',
      'Date: Fri, 21 Nov 1997 09:55:06 -0600',
      'MIME-Version: 1.0',
      'Content-Type: multipart/mixed; boundary="=_1"',
      '',
      '--=_1',
      'Content-Type: text/plain; charset=gb18030',
      'Content-Transfer-Encoding: base64',
      '',
      'udjT2s/C1tw=',
      '--=_1',
      "Content-Type: application/pdf; name*=utf-8''%e2%82%ac.pdf",
      'Content-Transfer-Encoding: base64',
      'Content-Disposition: attachment',
      '',
      'JVBERi0xLjQK',
      '--=_1--',
      '',
    ].join('\r\n'),
  )
  const theirs = await simpleParser(message)
  const ours = scanMessage(message)
  assert.equal(decodeWords(ours.envelope.subject ?? ''), theirs.subject)
  assert.equal(ours.sentMs, theirs.date?.getTime())
  assert.equal(decodeWords(ours.envelope.from[0]?.name ?? ''), theirs.from?.value[0]?.name)
  const to = theirs.to !== undefined && 'value' in theirs.to ? theirs.to : undefined
  assert.deepEqual(
    ours.envelope.to.map((e) => `${e.mailbox}@${e.host}`),
    to?.value.map((a) => a.address),
  )
  const texts = [...decodedTexts(message, ours)].filter(
    ({ place, text }) => place === 'body' && !text.startsWith('Content'),
  )
  assert.equal(texts[0]?.text, theirs.text?.trim())
  const pdf = locatePart(ours.structure, [2])
  assert.equal(
    Buffer.from(bodyOf(message.toString('latin1'), pdf) ?? '', 'base64').toString(),
    theirs.attachments[0]?.content.toString(),
  )
})

test('RFC 1049: text without a subtype is plain and keeps its charset', () => {
  for (const type of ['text', 'TEXT/']) {
    const { structure } = scanMessage(Buffer.from(`Content-Type: ${type}; charset=koi8-r\r\n\r\nx\r\n`))
    assert.equal(outline(structure), 'text/plain')
    assert.deepEqual(structure.parameters, [['charset', 'koi8-r']])
  }
})
