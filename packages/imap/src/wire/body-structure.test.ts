import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeSummary, SummaryReader, scanMessage } from '@posthorn/mail'
import { writeStructure } from './body-structure.ts'
import { writeEnvelope } from './envelope.ts'
import { ResponseWriter } from './response.ts'

function reader(message: string): SummaryReader {
  const summary = new SummaryReader()
  summary.open(encodeSummary(scanMessage(Buffer.from(message.replaceAll('\n', '\r\n'), 'latin1'))))
  return summary
}

function structure(message: string, form: 'body' | 'body-structure'): string {
  const summary = reader(message)
  summary.toStructure()
  const out = new ResponseWriter(8)
  writeStructure(out, summary, form)
  return out.take().toString('latin1')
}

function envelope(message: string): string {
  const summary = reader(message)
  summary.toEnvelope()
  const out = new ResponseWriter(8)
  writeEnvelope(out, summary)
  return out.take().toString('latin1')
}

/** RFC 9051 §7.5.2: [message, BODYSTRUCTURE]. */
const structures: readonly (readonly [string, string])[] = [
  ['', '("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL NIL NIL NIL)'],
  [
    'Content-Type: text/html; charset=UTF-8; format="a b"\nContent-Id: <i@x>\nContent-Description: d "q"\nContent-Transfer-Encoding: quoted-printable\nContent-MD5: m==\nContent-Language: en, de\nContent-Location: http://x/\nContent-Disposition: inline; filename=f.html\n\nab\n',
    '("text" "html" ("charset" "UTF-8" "format" "a b") "<i@x>" "d \\"q\\"" "quoted-printable" 4 1 "m==" ("inline" ("filename" "f.html")) ("en" "de") "http://x/")',
  ],
  [
    'Content-Type: image/png\nContent-Disposition: attachment\nContent-Language: en\n\nab\n',
    '("image" "png" NIL NIL NIL "7bit" 4 NIL ("attachment" NIL) "en" NIL)',
  ],
  [
    'Content-Type: multipart/alternative; boundary=x\n\n--x\n\na\n--x\nContent-Type: text/html\n\nb\n--x--\n',
    '(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 1 0 NIL NIL NIL NIL)("text" "html" ("charset" "us-ascii") NIL NIL "7bit" 1 0 NIL NIL NIL NIL) "alternative" ("boundary" "x") NIL NIL NIL)',
  ],
]

for (const [message, expected] of structures) {
  test(`RFC 9051 §7.5.2 BODYSTRUCTURE: ${JSON.stringify(message.slice(0, 40))}`, () => {
    assert.equal(structure(message, 'body-structure'), expected)
  })
}

test('RFC 9051 §7.5.2 BODY: without the extension data', () => {
  assert.equal(
    structure(structures[1]![0], 'body'),
    '("text" "html" ("charset" "UTF-8" "format" "a b") "<i@x>" "d \\"q\\"" "quoted-printable" 4 1)',
  )
  assert.match(structure(structures[3]![0], 'body'), / "alternative"\)$/)
})

test('RFC 9051 §7.5.2: message/rfc822 within message/rfc822, and what follows it', () => {
  const message =
    'Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: message/rfc822\nContent-Disposition: attachment; filename=m\n\nSubject: in\nContent-Type: message/rfc822\n\nSubject: innermost\n\nz\n--x\n\nlast\n--x--\n'
  const inner = '("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 1 0)'
  const nothing = 'NIL NIL NIL NIL NIL NIL NIL NIL'
  const body = structure(message, 'body')
  assert.ok(body.startsWith('(("message" "rfc822" NIL NIL NIL "7bit" '), body)
  assert.ok(
    body.includes(
      `(NIL "in" ${nothing}) ("message" "rfc822" NIL NIL NIL "7bit" 23 (NIL "innermost" ${nothing}) ${inner} 2)`,
    ),
    body,
  )
  assert.ok(body.endsWith('("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 4 0) "mixed")'), body)
  assert.ok(structure(message, 'body-structure').includes(' ("attachment" ("filename" "m")) NIL NIL)("text"'))
})

/** RFC 9051 §7.5.2: [header, ENVELOPE]. */
const envelopes: readonly (readonly [string, string])[] = [
  ['', '(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)'],
  [
    'Date: Mon, 1 Jan 2024 00:00:00 +0000\nSubject: a "b"\nFrom: Ann <ann@a>\nTo: b@b, "C, c" <c@c>\nMessage-ID: <1@a>\nIn-Reply-To: <0@a>\n',
    '("Mon, 1 Jan 2024 00:00:00 +0000" "a \\"b\\"" (("Ann" NIL "ann" "a")) (("Ann" NIL "ann" "a")) (("Ann" NIL "ann" "a")) ((NIL NIL "b" "b")("C, c" NIL "c" "c")) NIL NIL "<0@a>" "<1@a>")',
  ],
  [
    'From: a@a\nSender: s@s\nReply-To: r@r\nCc: k@k\nBcc: h@h\n',
    '(NIL NIL ((NIL NIL "a" "a")) ((NIL NIL "s" "s")) ((NIL NIL "r" "r")) NIL ((NIL NIL "k" "k")) ((NIL NIL "h" "h")) NIL NIL)',
  ],
  [
    'To: Group: a@a, b@b;, c@c\n',
    '(NIL NIL NIL NIL NIL ((NIL NIL "Group" NIL)(NIL NIL "a" "a")(NIL NIL "b" "b")(NIL NIL NIL NIL)(NIL NIL "c" "c")) NIL NIL NIL NIL)',
  ],
  ['Subject: caf\xe9\n', '(NIL {4}\r\ncaf\xe9 NIL NIL NIL NIL NIL NIL NIL NIL)'],
]

for (const [header, expected] of envelopes) {
  test(`RFC 9051 §7.5.2 ENVELOPE: ${JSON.stringify(header.slice(0, 40))}`, () => {
    assert.equal(envelope(`${header}\n`), expected)
  })
}
