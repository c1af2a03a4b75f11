import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodedTexts, searchableRanges } from './decoded-text.ts'
import { scanMessage } from './scanner.ts'

const bounce = Buffer.from(
  [
    'Content-Type: multipart/report; report-type=delivery-status; boundary=b',
    '',
    '--b',
    'Content-Type: message/delivery-status',
    '',
    'Reporting-MTA: dns; mx.example',
    '',
    'Final-Recipient: rfc822; ann@example.com',
    'Diagnostic-Code: smtp; 550 no such user',
    '--b',
    'Content-Type: message/disposition-notification',
    'Content-Transfer-Encoding: base64',
    '',
    Buffer.from('Disposition: manual-action/MDN-sent-manually; displayed\r\n').toString('base64'),
    '--b',
    'Content-Type: application/pdf',
    '',
    'no text',
    '--b--',
    '',
  ].join('\r\n'),
)

test('RFC 3464, RFC 8098: reports are body text, other attachments are not', () => {
  const summary = scanMessage(bounce)
  const body = [...decodedTexts(bounce, summary)].filter(({ place }) => place === 'body')
  assert.deepEqual(
    body.map(({ text }) => text),
    [
      'Reporting-MTA: dns; mx.example\r\n\r\nFinal-Recipient: rfc822; ann@example.com\r\nDiagnostic-Code: smtp; 550 no such user',
      'Disposition: manual-action/MDN-sent-manually; displayed\r\n',
    ],
  )
})

test('the octets of a report are among those that are read for a search', () => {
  const filler = Buffer.alloc(50_000, 'x')
  const large = Buffer.concat([
    Buffer.from(
      'Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n',
    ),
    filler,
    Buffer.from('\r\n--b\r\nContent-Type: application/pdf\r\n\r\n'),
    filler,
    Buffer.from('\r\n--b--\r\n'),
  ])
  const [, end] = searchableRanges(scanMessage(large)).at(-1) ?? [0, 0]
  assert.ok(end > filler.length && end < 1.5 * filler.length, String(end))
})
