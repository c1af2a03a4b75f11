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
const magicOctets = 'PHJ1'
const frameHeadBytes = 12
const recordHeadBytes = 12
const headRoom = Buffer.alloc(frameHeadBytes)
const removed = 0xffffffff

/** Frames stay below this, so that reading one needs little memory. */
export const maxFrameBytes = 4 * 1024 * 1024

export const encodeFrames = (records: Iterable<JournalRecord>): Buffer[] => {
  const frames: Buffer[] = []
  let parts: Buffer[] = [headRoom]
  let size = 0
  const finish = (): void => {
    if (parts.length > 1) frames.push(frameOf(parts))
    parts = [headRoom]
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

/** @param parts the first is room for the frame's head */
const frameOf = (parts: readonly Buffer[]): Buffer => {
  const frame = Buffer.concat(parts)
  frame.writeUInt32BE(magic, 0)
  frame.writeUInt32BE(crc32(frame.subarray(frameHeadBytes)), 4)
  frame.writeUInt32BE(frame.length - frameHeadBytes, 8)
  return frame
}

/** Records of all whole frames. `onGap` is told of octets that are none. */
export function* salvageFrames(
  bytes: Buffer,
  onGap: (from: number, to: number) => void,
): Generator<JournalRecord> {
  let at = 0
  while (at < bytes.length) {
    const end = frameEnd(bytes, at)
    if (end !== undefined) {
      yield* decodeRecords(bytes.subarray(at + frameHeadBytes, end))
      at = end
      continue
    }
    const next = nextFrame(bytes, at + 1)
    onGap(at, next)
    at = next
  }
}

/** Place of the next whole frame, or the end. */
const nextFrame = (bytes: Buffer, from: number): number => {
  let at = bytes.indexOf(magicOctets, from)
  while (at >= 0 && frameEnd(bytes, at) === undefined) at = bytes.indexOf(magicOctets, at + 1)
  return at < 0 ? bytes.length : at
}

const frameEnd = (bytes: Buffer, at: number): number | undefined => {
  if (at + frameHeadBytes > bytes.length || bytes.readUInt32BE(at) !== magic) return undefined
  const end = at + frameHeadBytes + bytes.readUInt32BE(at + 8)
  if (end > bytes.length) return undefined
  return crc32(bytes.subarray(at + frameHeadBytes, end)) === bytes.readUInt32BE(at + 4) ? end : undefined
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
