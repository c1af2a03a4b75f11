import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LineFramer, overlongLine } from '@posthorn/net'
import fc from 'fast-check'

const maxLineBytes = 12

/** What a framer should say, written without any state. */
function model(input: Buffer): (string | typeof overlongLine)[] {
  const pieces = input.toString('latin1').split('\n')
  const last = pieces.pop()!
  const lines = pieces.map((piece) => (piece.endsWith('\r') ? piece.slice(0, -1) : piece))
  const said = lines.map((line) => (line.length > maxLineBytes ? overlongLine : line))
  const endless = last.length > maxLineBytes + 1 || (last.length === maxLineBytes + 1 && !last.endsWith('\r'))
  return endless ? [...said, overlongLine] : said
}

test('fuzz: lines are the same however the input is cut, and an overlong one is told once', () => {
  const octet = fc.constantFrom(10, 13, 0, 65, 66, 255)
  fc.assert(
    fc.property(
      fc.array(octet, { maxLength: 120 }),
      fc.array(fc.nat(120), { maxLength: 12 }),
      (octets, places) => {
        const input = Buffer.from(octets)
        const cuts = places.map((place) => Math.min(place, input.length)).sort((a, b) => a - b)
        const framer = new LineFramer(maxLineBytes)
        const said: (string | typeof overlongLine)[] = []
        let from = 0
        for (const to of [...cuts, input.length]) {
          framer.push(Buffer.from(input.subarray(from, to)))
          from = to
          for (let line = framer.next(); line !== undefined; line = framer.next())
            said.push(line === overlongLine ? line : line.toString('latin1'))
          assert.ok(framer.pendingBytes <= maxLineBytes + 1)
        }
        assert.deepEqual(said, model(input))
      },
    ),
    { numRuns: 20_000 },
  )
})
