import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { chunkModSeq, decodeChunk, encodeChunk } from './chunk.ts'

const max48 = 2 ** 48 - 1
const placement = (uidLow: number) =>
  fc.record(
    {
      uid: fc.constant(5 * 32 + uidLow),
      flags0: fc.integer({ min: 0, max: 0xffff_ffff }),
      flags1: fc.integer({ min: 0, max: 0xffff_ffff }),
      modSeq: fc.integer({ min: 1, max: max48 }),
      messageId: fc.integer({ min: 1, max: max48 }),
      blobId: fc.maxSafeInteger().map(Math.abs),
      sizeBytes: fc.integer({ min: 0, max: max48 }),
      internalDateMs: fc.integer({ min: -(2 ** 47), max: 2 ** 47 - 1 }),
      saveDateMs: fc.integer({ min: 0, max: 2 ** 47 - 1 }),
      missingOctets: fc.integer({ min: 0, max: 255 }),
    },
    { noNullPrototype: true },
  )

test('a chunk of 32 placements comes back, fits a page, and knows its highest MODSEQ', () => {
  fc.assert(
    fc.property(fc.tuple(...Array.from({ length: 32 }, (_, low) => placement(low))), (placements) => {
      const bytes = encodeChunk(placements)
      assert.ok(bytes.length <= 1_900)
      assert.deepEqual(decodeChunk(5, bytes), placements)
      assert.equal(chunkModSeq(bytes), Math.max(...placements.map(({ modSeq }) => modSeq)))
    }),
    { numRuns: 50 },
  )
})
