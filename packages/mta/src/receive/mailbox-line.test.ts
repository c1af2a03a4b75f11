import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MailboxLine } from './mailbox-line.ts'

/** In pieces of `size` octets. */
function passed(text: string, size: number): string {
  const gate = new MailboxLine()
  const out: Uint8Array[] = []
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += size) {
    const piece = Buffer.from(bytes.subarray(at, at + size))
    out.push(Buffer.from(gate.push(piece)))
    // The piece is the caller's to use again.
    piece.fill(0)
  }
  out.push(gate.rest())
  return Buffer.concat(out).toString()
}

const rows: readonly (readonly [given: string, wanted: string])[] = [
  ['', ''],
  ['Subject: x\r\n\r\nFrom here\r\n', 'Subject: x\r\n\r\nFrom here\r\n'],
  ['From: a@b\r\n\r\n', 'From: a@b\r\n\r\n'],
  [
    'From alice Mon Jan  1\r\nSubject: x\r\n\r\nFrom y\r\n',
    'Mailbox-Line: From alice Mon Jan  1\r\nSubject: x\r\n\r\nFrom y\r\n',
  ],
  ['>>FROM a\r\nfrom b\r\nX: y\r\n', 'Mailbox-Line: >>FROM a\r\nMailbox-Line: from b\r\nX: y\r\n'],
  ['Fro', 'Fro'],
  ['>>>', '>>>'],
  ['>x From a\r\n', '>x From a\r\n'],
  ['From\ta\r\n', 'From\ta\r\n'],
  ['From ', 'Mailbox-Line: From '],
  [' From a\r\n', ' From a\r\n'],
  ['\r\nFrom a\r\n', '\r\nFrom a\r\n'],
]

test('Postfix: smtpd(8): separators of an mbox before the header get the name Mailbox-Line', () => {
  for (const [given, wanted] of rows)
    for (const size of [1, 2, 3, 7, 1_000]) assert.equal(passed(given, size), wanted, `${given} by ${size}`)
})
