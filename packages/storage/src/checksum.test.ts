import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32 as ofZlib } from 'node:zlib'
import fc from 'fast-check'
import { crc32 } from './checksum.ts'

test('checksum: that of zlib, in one piece and in several, wherever the octets lie', () => {
  const octets = fc.uint8Array({ maxLength: 5_000, size: 'max' })
  fc.assert(
    fc.property(octets, fc.nat(5_000), fc.nat(0xffffffff), (bytes, cut, former) => {
      const expected = ofZlib(bytes, former)
      assert.equal(crc32(bytes, former), expected)
      const [first, rest] = [bytes.subarray(0, cut), Buffer.from(bytes.subarray(cut))]
      assert.equal(crc32(rest, crc32(first, former)), expected)
    }),
  )
})

test('checksum: of a whole segment, and of nothing', () => {
  const segment = Buffer.alloc(64 * 1024 * 1024, 'From the beginning to the end. ')
  assert.equal(crc32(segment), ofZlib(segment))
  assert.equal(crc32(Buffer.alloc(0), 7), 7)
})
