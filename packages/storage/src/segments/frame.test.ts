import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeFrameHeader, encodeFrameHeader, type FrameHeader } from './frame.ts'

const header: FrameHeader = {
  kind: 'message',
  blobId: 2 ** 52 + 12345,
  receivedMs: 1_700_000_000_123,
  bodyBytes: 2 ** 33 + 1,
  bodyCrc: 0xdead_beef,
  headBytes: 777,
  headCrc: 0xffff_ffff,
  factsBytes: 120,
  summaryBytes: 900,
  tailCrc: 1,
}

test('a frame header comes back', () => {
  assert.deepEqual(decodeFrameHeader(encodeFrameHeader(header)), header)
  assert.deepEqual(decodeFrameHeader(encodeFrameHeader({ ...header, kind: 'moved' })), {
    ...header,
    kind: 'moved',
  })
})

test('any changed bit, and any cut, is no frame header', () => {
  const bytes = encodeFrameHeader(header)
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const damaged = Buffer.from(bytes)
    damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7))
    assert.equal(decodeFrameHeader(damaged), undefined, `bit ${bit}`)
  }
  for (let length = 0; length < bytes.length; length++)
    assert.equal(decodeFrameHeader(bytes.subarray(0, length)), undefined)
})
