import { crc32 } from '../checksum.ts'
import { read64, write64 } from '../kv/keys.ts'
import type { Changes } from '../kv/unit.ts'

/** Octets of a segment, as they were written there. */
export interface LoggedFrame {
  readonly segment: number
  readonly offset: number
  readonly sizeBytes: number
  readonly chunks: readonly Uint8Array[]
}

/** What one transaction changed: whole rows, and the frames that were written for it. */
export interface LogRecord {
  readonly sequence: number
  /** null = removed. */
  readonly rows: readonly { readonly key: Buffer; readonly value: Buffer | null }[]
  readonly frames: readonly { readonly segment: number; readonly offset: number; readonly bytes: Buffer }[]
}

/**
 * Header: magic, CRC-32 of the rest beginning with the former record's CRC, octets in all, octets of rows,
 * sequence, number of frames. So a record that another history left behind in the file never follows.
 */
export const recordHeadBytes = 28
const magic = 0x50484c31
const rowHeadBytes = 4
const frameHeadBytes = 12
const removed = 0xffff

const rowBytes = (key: string, value: Buffer | null): number =>
  rowHeadBytes + key.length + (value?.length ?? 0)

export const rowsBytes = (changes: Changes): number => {
  let total = 0
  for (const [key, value] of changes) total += rowBytes(key, value)
  return total
}

export const framesBytes = (frames: readonly LoggedFrame[]): number =>
  frames.reduce((sum, frame) => sum + frameHeadBytes + frame.sizeBytes, 0)

export interface EncodedRecord {
  readonly chunks: readonly Uint8Array[]
  readonly sizeBytes: number
  readonly crc: number
}

/** `scratch` gives memory for the head and the rows; it may be used again when the record is written. */
export const encodeRecord = (
  sequence: number,
  changes: Changes,
  frames: readonly LoggedFrame[],
  formerCrc: number,
  scratch: (sizeBytes: number) => Buffer,
): EncodedRecord => {
  const rows = rowsBytes(changes)
  const headBytes = recordHeadBytes + rows + frames.length * frameHeadBytes
  const head = scratch(headBytes)
  const sizeBytes = recordHeadBytes + rows + framesBytes(frames)
  head.writeUInt32BE(magic, 0)
  head.writeUInt32BE(sizeBytes, 8)
  head.writeUInt32BE(rows, 12)
  write64(head, sequence, 16)
  head.writeUInt32BE(frames.length, 24)
  let at = recordHeadBytes
  for (const [key, value] of changes) at = writeRow(head, at, key, value)
  for (const { segment, offset, sizeBytes: octets } of frames) {
    head.writeUInt32BE(segment, at)
    head.writeUInt32BE(offset, at + 4)
    head.writeUInt32BE(octets, at + 8)
    at += frameHeadBytes
  }
  const chunks: Uint8Array[] = [head]
  let crc = crc32(head.subarray(8), formerCrc)
  for (const frame of frames) {
    for (const chunk of frame.chunks) {
      crc = crc32(chunk, crc)
      chunks.push(chunk)
    }
  }
  head.writeUInt32BE(crc, 4)
  return { chunks, sizeBytes, crc }
}

const writeRow = (target: Buffer, start: number, key: string, value: Buffer | null): number => {
  target.writeUInt16BE(key.length, start)
  target.writeUInt16BE(value === null ? removed : value.length, start + 2)
  let at = start + rowHeadBytes
  at += target.write(key, at, 'latin1')
  if (value !== null) at += value.copy(target, at)
  return at
}

/** How long a record says that it is, and its checksum, whether or not the rest is right; undefined: another one, or none. */
export const decodeRecordHead = (
  head: Buffer,
  sequence: number,
): { readonly sizeBytes: number; readonly crc: number } | undefined => {
  if (head.readUInt32BE(0) !== magic || read64(head, 16) !== sequence) return undefined
  const sizeBytes = head.readUInt32BE(8)
  return sizeBytes < recordHeadBytes ? undefined : { sizeBytes, crc: head.readUInt32BE(4) }
}

/** undefined when these octets are not the record that follows the one with `formerCrc`. */
export const decodeRecord = (
  bytes: Buffer,
  sequence: number,
  formerCrc: number,
): { record: LogRecord; sizeBytes: number; crc: number } | undefined => {
  if (bytes.length < recordHeadBytes || bytes.readUInt32BE(0) !== magic) return undefined
  const sizeBytes = bytes.readUInt32BE(8)
  if (sizeBytes < recordHeadBytes || sizeBytes > bytes.length || read64(bytes, 16) !== sequence)
    return undefined
  const crc = bytes.readUInt32BE(4)
  if (crc32(bytes.subarray(8, sizeBytes), formerCrc) !== crc) return undefined
  const rowsEnd = recordHeadBytes + bytes.readUInt32BE(12)
  return {
    record: {
      sequence,
      rows: decodeRows(bytes.subarray(recordHeadBytes, rowsEnd)),
      frames: decodeFrames(bytes.subarray(rowsEnd, sizeBytes), bytes.readUInt32BE(24)),
    },
    sizeBytes,
    crc,
  }
}

const decodeRows = (bytes: Buffer): LogRecord['rows'] => {
  const rows: { key: Buffer; value: Buffer | null }[] = []
  let at = 0
  while (at < bytes.length) {
    const keyEnd = at + rowHeadBytes + bytes.readUInt16BE(at)
    const octets = bytes.readUInt16BE(at + 2)
    const key = bytes.subarray(at + rowHeadBytes, keyEnd)
    at = octets === removed ? keyEnd : keyEnd + octets
    rows.push({ key, value: octets === removed ? null : bytes.subarray(keyEnd, at) })
  }
  return rows
}

const decodeFrames = (bytes: Buffer, count: number): LogRecord['frames'] => {
  const frames: { segment: number; offset: number; bytes: Buffer }[] = []
  let at = count * frameHeadBytes
  for (let index = 0; index < count; index++) {
    const head = index * frameHeadBytes
    const end = at + bytes.readUInt32BE(head + 8)
    frames.push({
      segment: bytes.readUInt32BE(head),
      offset: bytes.readUInt32BE(head + 4),
      bytes: bytes.subarray(at, end),
    })
    at = end
  }
  return frames
}
