import assert from 'node:assert/strict'
import { test } from 'node:test'
import { messageInParts } from './message-in-parts-fixture.ts'
import { type HeaderPlace, MimeUnits } from './mime-units.ts'

test('RFC 2046 §5.1: units of a message with parts and an enclosed one, split at every octet', () => {
  const text = Buffer.from(messageInParts)
  const expected = [
    'header Subject: one two',
    'header MIME-Version: 1.0',
    'header Content-Type: multipart/mixed; boundary="b1"',
    'line preamble @0',
    'line --b1 @10',
    'part X-Part: 1',
    'part Content-Type: text/plain',
    'line text: not a field @0',
    'line --b1 @19',
    'part Content-Type: message/rfc822',
    'nested Subject: inner',
    'nested Content-Type: multipart/mixed; boundary=b2',
    'line --b2 @0',
    'line deep @0',
    'line --b2-- @6',
    'line --b1-- @0',
    'line epilogue @0',
  ]
  for (let split = 0; split <= text.length; split++) {
    const seen: string[] = []
    const clean = (unit: Buffer) =>
      unit
        .toString()
        .replace(/\r\n( )?/g, '$1')
        .trimEnd()
    const units = new MimeUnits(
      {
        field: (unit: Buffer, place: HeaderPlace) => {
          seen.push(`${place} ${clean(unit)}`)
          return unit
        },
        line: (unit, offset) => {
          seen.push(`line ${clean(unit)} @${offset}`)
          return unit
        },
        suspectAt: (_bytes, from) => from,
        wants: () => true,
        tooDeep: () => {
          seen.push('too deep')
        },
      },
      { fieldBytes: 1_000, depth: 100, boundaryBytes: 2_048 },
    )
    const out = [units.push(text.subarray(0, split)), units.push(text.subarray(split)), units.finish()]
    assert.equal(Buffer.concat(out).toString(), text.toString())
    assert.deepEqual(seen, expected, `split at ${split}`)
  }
})

test('mime_nesting_limit, mime_boundary_length_limit', () => {
  const looked = (text: string, limits: { readonly depth: number; readonly boundaryBytes: number }) => {
    const seen: string[] = []
    const units = new MimeUnits(
      {
        field: (unit, place) => {
          seen.push(`${place} ${unit.toString().trim()}`)
          return unit
        },
        line: (unit) => unit,
        suspectAt: (_bytes, from) => from,
        wants: () => true,
        tooDeep: () => {
          seen.push('too deep')
        },
      },
      { fieldBytes: 1_000, ...limits },
    )
    units.push(Buffer.from(text))
    units.finish()
    return seen
  }
  const part = (boundary: string) =>
    `Content-Type: multipart/mixed; boundary=${boundary}\r\n\r\n--${boundary}\r\n`
  const nested = part('aaa') + part('bbb') + part('ccc')
  assert.ok(!looked(nested, { depth: 3, boundaryBytes: 100 }).includes('too deep'))
  assert.ok(looked(nested, { depth: 2, boundaryBytes: 100 }).includes('too deep'))
  const long = `Content-Type: multipart/mixed; boundary=abcdef\r\n\r\n--abcXYZ\r\nX: y\r\n\r\n`
  assert.ok(looked(long, { depth: 9, boundaryBytes: 3 }).includes('part X: y'))
  assert.ok(!looked(long, { depth: 9, boundaryBytes: 6 }).includes('part X: y'))
})

test('RFC 2045 §6.4, RFC 2046 §5.2: encodings that a multipart or a message may not have', () => {
  const forbidden = (type: string, encoding: string): number => {
    let count = 0
    const units = new MimeUnits(
      {
        field: (unit) => unit,
        line: (unit) => unit,
        suspectAt: (_bytes, from) => from,
        wants: () => true,
        tooDeep: () => {},
        forbiddenEncoding: () => {
          count++
        },
      },
      { fieldBytes: 1_000, depth: 9, boundaryBytes: 100 },
    )
    const part = `Content-Type: ${type}\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\nx\r\n`
    units.push(Buffer.from(`${part}`))
    units.push(Buffer.from(''))
    units.finish()
    return count
  }
  for (const [type, encodings] of [
    ['multipart/mixed; boundary=b', ['base64', 'Quoted-Printable']],
    ['message/rfc822', ['base64', 'Quoted-Printable']],
    ['Message/Partial', ['8bit', 'binary']],
    ['message/external-body', ['8bit', 'binary']],
    ['message/global', []],
    ['text/plain', []],
  ] as const)
    for (const encoding of ['7bit', '8bit', 'binary', 'base64', 'Quoted-Printable', 'x-own'])
      assert.equal(
        forbidden(type, encoding),
        (encodings as readonly string[]).includes(encoding) ? 1 : 0,
        `${type} ${encoding}`,
      )
})
