import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  createMessageScanner,
  decodedTexts,
  decodeSummary,
  encodeSummary,
  type MessageSummary,
  type Part,
  scanMessage,
} from '@posthorn/mail'
import fc from 'fast-check'

const runs = Number(process.env.FUZZ_RUNS ?? 500)

const pieces = [
  '\r\n',
  '\n',
  '\r',
  '\r\n\r\n',
  '--x',
  '--x--',
  '--y',
  '--y--',
  '--',
  ' ',
  '\t',
  '\0',
  'Content-Type: multipart/mixed; boundary=x\r\n',
  'Content-Type: multipart/digest; boundary="y"\r\n',
  'Content-Type: multipart/alternative; boundary*0=x; boundary*1=y\r\n',
  'Content-Type: message/rfc822\r\n',
  'Content-Type: text/html; charset=utf-8\r\n',
  "Content-Type: application/pdf; name*=utf-8''%e2%82%ac\n",
  'Content-Transfer-Encoding: base64\r\n',
  'Content-Transfer-Encoding: quoted-printable\r\n',
  'Content-Disposition: attachment; filename="a\\"b"\r\n',
  'Content-Language: de, en\r\n',
  'Content-ID: <a@b>\r\n',
  'From: A <a@b>\r\n',
  'To: g: "x" <c@d>, e@f;\r\n',
  'Subject: =?utf-8?Q?=C3=A4?=\r\n x\r\n',
  'Date: Fri, 21 Nov 1997 09:55:06 -0600\r\n',
  'Received: x\r\n\ty\r\n',
  'YWJj=\r\n',
  'text \xe4\xf6',
]
/** Bits of MIME in any order: far more telling than random octets. */
const message = fc
  .array(
    fc.oneof(
      { weight: 9, arbitrary: fc.constantFrom(...pieces) },
      { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 8 }) },
    ),
    { maxLength: 60, size: 'max' },
  )
  .map((parts) => Buffer.from(parts.join(''), 'latin1'))

const scanChunks = (bytes: Buffer, cuts: readonly number[]): MessageSummary => {
  const scanner = createMessageScanner()
  let from = 0
  for (const cut of [...cuts.map((c) => c % (bytes.length + 1)), bytes.length].sort((a, b) => a - b)) {
    scanner.push(bytes.subarray(from, cut))
    from = cut
  }
  return scanner.finish()
}

/** Children lie in order inside their parent; sizes are those of the octets. */
const checkPlaces = (part: Part, from: number, to: number): void => {
  assert.ok(from <= part.headerStart && part.headerStart <= part.bodyStart, 'header')
  assert.ok(part.bodyStart <= part.bodyEnd && part.bodyEnd <= to, 'body')
  assert.ok(part.lines >= 0)
  const children = part.kind === 'multipart' ? part.children : part.kind === 'message' ? [part.content] : []
  if (part.kind === 'multipart') assert.ok(children.length > 0)
  let at = part.bodyStart
  for (const child of children) {
    checkPlaces(child, at, part.bodyEnd)
    at = child.bodyEnd
  }
}

test('scanner: total, any chunking gives the same summary, parts lie inside their parents', () => {
  fc.assert(
    fc.property(message, fc.array(fc.nat(2000), { maxLength: 8 }), (bytes, cuts) => {
      const whole = scanMessage(bytes)
      assert.deepEqual(scanChunks(bytes, cuts), whole)
      assert.equal(whole.sizeBytes, bytes.length)
      checkPlaces(whole.structure, 0, bytes.length)
      assert.equal(whole.structure.bodyEnd, bytes.length)
    }),
    { numRuns: runs },
  )
})

test('scanner: an octet at a time', () => {
  fc.assert(
    fc.property(message, (bytes) => {
      const every = Array.from({ length: bytes.length }, (_, i) => i)
      assert.deepEqual(scanChunks(bytes, every), scanMessage(bytes))
    }),
    { numRuns: Math.ceil(runs / 5) },
  )
})

test('scanner: LF for CRLF changes offsets, not the structure', () => {
  const shape = (part: Part): unknown => [
    part.kind,
    part.type,
    part.subtype,
    part.lines,
    part.kind === 'multipart' ? part.children.map(shape) : part.kind === 'message' ? shape(part.content) : 0,
  ]
  fc.assert(
    fc.property(message, (bytes) => {
      const crlf = bytes.toString('latin1').replace(/\r+/g, '').replace(/\n/g, '\r\n')
      const bare = crlf.replace(/\r\n/g, '\n')
      assert.deepEqual(
        shape(scanMessage(Buffer.from(bare, 'latin1')).structure),
        shape(scanMessage(Buffer.from(crlf, 'latin1')).structure),
      )
    }),
    { numRuns: runs },
  )
})

test('summary: decode after encode is the same; cut or changed octets never do worse than RangeError', () => {
  fc.assert(
    fc.property(message, fc.nat(), fc.nat(255), (bytes, place, octet) => {
      const summary = scanMessage(bytes)
      const encoded = encodeSummary(summary)
      assert.deepEqual(decodeSummary(encoded), summary)
      const at = place % encoded.length
      const changed = Buffer.from(encoded)
      changed[at] = octet
      for (const broken of [encoded.subarray(0, at), changed]) {
        try {
          decodeSummary(broken)
        } catch (error) {
          assert.ok(error instanceof RangeError, String(error))
        }
      }
    }),
    { numRuns: runs },
  )
})

test('decodedTexts: total', () => {
  fc.assert(
    fc.property(message, (bytes) => {
      for (const { text } of decodedTexts(bytes, scanMessage(bytes))) assert.equal(typeof text, 'string')
    }),
    { numRuns: runs },
  )
})
