import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Changes } from '../kv/unit.ts'
import { decodeRecord, encodeRecord, type LoggedFrame } from './log-record.ts'

const changes: Changes = new Map([
  ['a', Buffer.from('one')],
  ['\x30\xff\x00b', Buffer.alloc(1_900, 7)],
  ['gone', null],
  ['empty', Buffer.alloc(0)],
])
const frames: LoggedFrame[] = [
  { segment: 3, offset: 64, sizeBytes: 6, chunks: [Buffer.from('abc'), Buffer.from('def')] },
  { segment: 4, offset: 0, sizeBytes: 1, chunks: [Buffer.from('z')] },
]

const encoded = (sequence: number, formerCrc: number): { bytes: Buffer; crc: number } => {
  const { chunks, sizeBytes, crc } = encodeRecord(sequence, changes, frames, formerCrc, (octets) =>
    Buffer.alloc(octets),
  )
  const bytes = Buffer.concat(chunks)
  assert.equal(bytes.length, sizeBytes)
  return { bytes, crc }
}

test('a record comes back, whatever follows it', () => {
  const { bytes, crc } = encoded(9, 77)
  const found = decodeRecord(Buffer.concat([bytes, Buffer.from('more')]), 9, 77)
  assert.deepEqual([found?.crc, found?.sizeBytes], [crc, bytes.length])
  assert.deepEqual(
    found?.record.rows.map(({ key, value }) => [key.toString('latin1'), value]),
    [...changes],
  )
  assert.deepEqual(
    found?.record.frames.map(({ segment, offset, bytes: octets }) => [segment, offset, octets.toString()]),
    [
      [3, 64, 'abcdef'],
      [4, 0, 'z'],
    ],
  )
})

test('what is cut short or changed anywhere is no record', () => {
  const { bytes } = encoded(9, 77)
  for (let length = 0; length < bytes.length; length++)
    assert.equal(decodeRecord(bytes.subarray(0, length), 9, 77), undefined)
  for (let at = 0; at < bytes.length; at++) {
    const damaged = Buffer.from(bytes)
    damaged[at] = (damaged[at] as number) ^ 0x10
    assert.equal(decodeRecord(damaged, 9, 77), undefined, `octet ${at}`)
  }
})

test('a record of another number, or of another history, does not follow', () => {
  const { bytes } = encoded(9, 77)
  assert.equal(decodeRecord(bytes, 10, 77), undefined)
  assert.equal(decodeRecord(bytes, 9, 78), undefined)
})
