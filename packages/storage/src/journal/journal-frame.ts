import { crc32 } from 'node:zlib'

/**
 * A journal is a file of frames: magic, CRC-32, length, then records. A record is the row that a key has
 * as of a sequence number; the greatest number wins, so that the order of files and frames does not matter.
 */
export interface JournalRecord {
  readonly sequence: number
  readonly key: Buffer
  /** null = removed. */
  readonly value: Buffer | null
}

const magic = 0x50484a31
const frameHeadBytes = 12
const recordHeadBytes = 12
const removed = 0xffffffff

/** Frames stay below this, so that reading one needs little memory. */
export const maxFrameBytes = 4 * 1024 * 1024

export const encodeFrames = (records: Iterable<JournalRecord>): Buffer[] => {
  const frames: Buffer[] = []
  let parts: Buffer[] = []
  let size = 0
  const finish = (): void => {
    if (parts.length > 0) frames.push(frameOf(parts))
    parts = []
    size = 0
  }
  for (const { sequence, key, value } of records) {
    const head = Buffer.allocUnsafe(recordHeadBytes)
    head.writeUIntBE(sequence, 0, 6)
    head.writeUInt16BE(key.length, 6)
    head.writeUInt32BE(value === null ? removed : value.length, 8)
    parts.push(head, key)
    if (value !== null) parts.push(value)
    size += recordHeadBytes + key.length + (value?.length ?? 0)
    if (size > maxFrameBytes) finish()
  }
  finish()
  return frames
}

const frameOf = (parts: readonly Buffer[]): Buffer => {
  const body = Buffer.concat(parts)
  const head = Buffer.allocUnsafe(frameHeadBytes)
  head.writeUInt32BE(magic, 0)
  head.writeUInt32BE(crc32(body), 4)
  head.writeUInt32BE(body.length, 8)
  return Buffer.concat([head, body])
}

/** Records of all whole frames from the beginning; ends at the first that is not whole. */
export function* decodeFrames(bytes: Buffer): Generator<JournalRecord, number> {
  let at = 0
  while (at + frameHeadBytes <= bytes.length) {
    const length = bytes.readUInt32BE(at + 8)
    const end = at + frameHeadBytes + length
    if (bytes.readUInt32BE(at) !== magic || end > bytes.length) break
    const body = bytes.subarray(at + frameHeadBytes, end)
    if (crc32(body) !== bytes.readUInt32BE(at + 4)) break
    yield* decodeRecords(body)
    at = end
  }
  return at
}

function* decodeRecords(body: Buffer): Generator<JournalRecord> {
  let at = 0
  while (at + recordHeadBytes <= body.length) {
    const sequence = body.readUIntBE(at, 6)
    const keyBytes = body.readUInt16BE(at + 6)
    const valueBytes = body.readUInt32BE(at + 8)
    const keyEnd = at + recordHeadBytes + keyBytes
    const end = valueBytes === removed ? keyEnd : keyEnd + valueBytes
    const key = body.subarray(at + recordHeadBytes, keyEnd)
    yield { sequence, key, value: valueBytes === removed ? null : body.subarray(keyEnd, end) }
    at = end
  }
}
