import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type PartPlace, readPartPlaces } from './part-places.ts'
import { scanMessage } from './scanner.ts'
import { encodeSummary } from './summary-encode.ts'
import { SummaryReader } from './summary-reader.ts'

const placesOf = (part: PartPlace): PartPlace => {
  const { headerStart, bodyStart, bodyEnd } = part
  const place = { headerStart, bodyStart, bodyEnd }
  if (part.kind === 'message') return { kind: part.kind, ...place, content: placesOf(part.content) }
  if (part.kind === 'multipart') return { kind: part.kind, ...place, children: part.children.map(placesOf) }
  return { kind: part.kind, ...place }
}

/** Every field a summary has room for, in an order of its own. */
const fields = [
  'Content-ID: <part@example.org>',
  'Content-Description: A part; with words',
  'Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==',
  'Content-Disposition: attachment; filename="a b.txt"; size=12',
  'Content-Language: de, en-GB, fr',
  'Content-Location: https://example.org/part',
  'Content-Transfer-Encoding: quoted-printable',
]
const headersOf = (type: string, chosen: number): string =>
  [`Content-Type: ${type}`, ...fields.filter((_, index) => (chosen & (1 << index)) !== 0)].join('\r\n')

const partOf = (chosen: number, depth: number): string => {
  const kind = (chosen + depth) % 5
  if (kind === 0 && depth < 4) {
    const children = [1, 2, 3].map((n) => `--b${depth}\r\n${partOf(chosen * 3 + n, depth + 1)}\r\n`)
    return `${headersOf(`multipart/mixed; boundary=b${depth}`, chosen)}\r\n\r\npreamble\r\n${children.join('')}--b${depth}--\r\n`
  }
  if (kind === 1 && depth < 4) {
    const inner = `Subject: =?utf-8?q?inner?=\r\nFrom: A <a@example.org>\r\nTo: b@example.org, c@example.org\r\n`
    return `${headersOf('message/rfc822', chosen)}\r\n\r\n${inner}${partOf(chosen * 5 + 1, depth + 1)}`
  }
  const type = kind === 2 ? 'application/x-thing; name="x"' : 'text/plain; charset=utf-8; format=flowed'
  return `${headersOf(type, chosen)}\r\n\r\nSome text ${chosen}\r\n`
}

test('places of parts are those of the structure, whatever else is known of them', () => {
  const reader = new SummaryReader()
  const kinds = new Set<string>()
  for (let chosen = 0; chosen < 640; chosen++) {
    const summary = scanMessage(Buffer.from(`From: a@example.org\r\n${partOf(chosen, 0)}`))
    reader.open(encodeSummary(summary))
    // Wherever it was left.
    if (chosen % 2 === 1) reader.toEnvelope()
    assert.deepEqual(readPartPlaces(reader), placesOf(summary.structure), `message ${chosen}`)
    assert.equal(reader.position, reader.bytes.length, `end of message ${chosen}`)
    kinds.add(summary.structure.kind)
  }
  assert.deepEqual([...kinds].sort(), ['message', 'multipart', 'other', 'text'])
})

test('places of a cut summary are a RangeError', () => {
  const whole = encodeSummary(scanMessage(Buffer.from(`From: a@example.org\r\n${partOf(5, 0)}`)))
  const reader = new SummaryReader()
  for (let cut = 1; cut <= 8; cut++) {
    assert.throws(() => {
      reader.open(whole.subarray(0, whole.length - 60 * cut))
      readPartPlaces(reader)
    }, RangeError)
  }
})
