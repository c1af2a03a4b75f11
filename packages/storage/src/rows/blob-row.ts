import { summaryFlag, summaryVersion } from '@posthorn/mail'
import { keyOf64, read64, tables, write64 } from '../kv/keys.ts'
import { unsigned32, unsigned64 } from '../kv/numbers.ts'
import type { Reader, Snapshot, Unit } from '../kv/unit.ts'
import { frameHeaderBytes } from '../segments/frame.ts'
import { addLiveBytes, type LiveBytes } from '../segments/segment-row.ts'
import { damagedRow, foldWords, sealOf } from './seal.ts'

/** Where a message's octets are, and how many message rows and queue entries need them. */
export interface BlobRow {
  readonly segment: number
  readonly offset: number
  readonly bodyBytes: number
  readonly headBytes: number
  readonly factsBytes: number
  readonly summaryBytes: number
  readonly references: number
  readonly receivedMs: number
  /** Kept here when short; otherwise read it from the frame. */
  readonly summary: Buffer | undefined
  /** Of one that was read: the summary is here, and says that there is no NUL in the message. */
  readonly hasNoNul?: boolean
  /** The same, and says that every line can be sent by POP3 as it is. */
  readonly hasPlainLines?: boolean
}

export const maxInlineSummaryBytes = 1600
const fixedBytes = 48
/** Of a summary, its flags are the last of them. */
const summaryHeadBytes = 2
/** Frames of a segment that several share end before this. */
const mostOffset = 64 * 1024 * 1024

export const blobKey = (blobId: number): Buffer => keyOf64(tables.blob, blobId)

export const encodeBlobRow = (row: BlobRow): Buffer => {
  const bytes = Buffer.allocUnsafe(fixedBytes + (row.summary?.length ?? 0))
  bytes.writeUInt32BE(row.segment, 0)
  write64(bytes, row.offset, 4)
  write64(bytes, row.bodyBytes, 12)
  bytes.writeUInt32BE(row.headBytes, 20)
  bytes.writeUInt32BE(row.factsBytes, 24)
  bytes.writeUInt32BE(row.summaryBytes, 28)
  bytes.writeUInt32BE(row.references, 32)
  bytes.writeDoubleBE(row.receivedMs, 36)
  row.summary?.copy(bytes, fixedBytes)
  bytes.writeUInt32BE(blobSeal(bytes), sealAt)
  return bytes
}

/** In rows of former versions 0. */
const sealAt = 44

const blobSeal = (bytes: Buffer): number => sealOf(bytes.subarray(fixedBytes), foldWords(bytes, 0, sealAt))

export const isWholeBlobRow = (bytes: Buffer): boolean => {
  if (bytes.length < fixedBytes) return false
  const seal = bytes.readUInt32BE(sealAt)
  return seal === 0 ? isOfOneLength(decodeBlobRow(bytes)) : seal === blobSeal(bytes)
}

const isOfOneLength = ({ summary, summaryBytes }: BlobRow): boolean =>
  summary === undefined
    ? summaryBytes === 0 || summaryBytes > maxInlineSummaryBytes
    : summary.length === summaryBytes

/** Throws 'corrupt'. */
export const openBlobRow = (key: Buffer, bytes: Buffer): BlobRow => {
  if (!isWholeBlobRow(bytes)) throw damagedRow(key)
  return decodeBlobRow(bytes)
}

export const decodeBlobRow = (bytes: Buffer): BlobRow =>
  decoded(bytes, bytes.length > fixedBytes ? bytes.subarray(fixedBytes) : undefined)

const decoded = (bytes: Buffer, summary: Buffer | undefined): BlobRow => ({
  segment: bytes.readUInt32BE(0),
  offset: read64(bytes, 4),
  bodyBytes: read64(bytes, 12),
  headBytes: bytes.readUInt32BE(20),
  factsBytes: bytes.readUInt32BE(24),
  summaryBytes: bytes.readUInt32BE(28),
  references: bytes.readUInt32BE(32),
  receivedMs: bytes.readDoubleBE(36),
  summary,
  hasNoNul: saysNoNul(bytes),
  hasPlainLines: saysPlainLines(bytes),
})

/** Throws 'corrupt'. */
export const readBlobRow = (reader: Reader, blobId: number): BlobRow | undefined => {
  const key = blobKey(blobId)
  const bytes = reader.get(key)
  return bytes && openBlobRow(key, bytes)
}

/**
 * Without its summary. Only its numbers are looked at, so that no read asks for too much: for a reader who compares
 * it with the frame. Throws 'corrupt'.
 */
export const readBlobPlace = (snapshot: Snapshot, blobId: number): BlobRow | undefined => {
  const key = blobKey(blobId)
  const bytes = snapshot.getHead(key, fixedBytes + summaryHeadBytes)
  if (bytes === undefined) return undefined
  if (bytes.length < fixedBytes) throw damagedRow(key)
  const row = decoded(bytes, undefined)
  if (row.offset > mostOffset || row.headBytes > row.bodyBytes) throw damagedRow(key)
  return row
}

/** The binding copies it. */
const placeKey = blobKey(0)

/** Where the octets of a batch of messages are, by column: what `readBlobPlace` says of each. */
export class BlobPlaces {
  readonly segments: Uint32Array
  readonly offsets: Float64Array
  readonly bodyBytes: Float64Array
  readonly headBytes: Uint32Array
  readonly noNul: Uint8Array

  constructor(count: number) {
    this.segments = new Uint32Array(count)
    this.offsets = new Float64Array(count)
    this.bodyBytes = new Float64Array(count)
    this.headBytes = new Uint32Array(count)
    this.noNul = new Uint8Array(count)
  }

  /** 'unknown': it has no row, or one that says what cannot be. */
  read(snapshot: Snapshot, blobId: number, index: number): 'known' | 'unknown' {
    write64(placeKey, blobId, 1)
    const bytes = snapshot.peek(placeKey)
    if (bytes === undefined || bytes.length < fixedBytes) return 'unknown'
    const offset = unsigned64(bytes, 4)
    const bodyBytes = unsigned64(bytes, 12)
    const headBytes = unsigned32(bytes, 20)
    if (offset > mostOffset || headBytes > bodyBytes) return 'unknown'
    this.segments[index] = unsigned32(bytes, 0)
    this.offsets[index] = offset
    this.bodyBytes[index] = bodyBytes
    this.headBytes[index] = headBytes
    this.noNul[index] = bytes.length > fixedBytes + 1 && saysNoNul(bytes) ? 1 : 0
    return 'known'
  }
}

/** The summary behind the row. */
const saysNoNul = (bytes: Uint8Array): boolean =>
  bytes[fixedBytes] === summaryVersion && ((bytes[fixedBytes + 1] ?? summaryFlag.nul) & summaryFlag.nul) === 0

const saysPlainLines = (bytes: Uint8Array): boolean =>
  saysNoNul(bytes) && ((bytes[fixedBytes + 1] as number) & summaryFlag.plainLines) !== 0

export const frameBytesOf = (row: BlobRow): number =>
  frameHeaderBytes + row.bodyBytes + row.factsBytes + row.summaryBytes

export const createBlob = (unit: Unit, blobId: number, row: BlobRow): void => {
  unit.replace(blobKey(blobId), encodeBlobRow(row), undefined)
  addLiveBytes(unit, row.segment, frameBytesOf(row))
}

/**
 * Adds (or, negative, gives back) references; at 0 the octets are dead and compaction may drop them.
 * @param live of a caller with many blobs: it writes it when it has all
 */
export const referToBlob = (unit: Unit, blobId: number, count: number, live?: LiveBytes): void => {
  const key = blobKey(blobId)
  const former = unit.getOnce(key)
  if (former === undefined) return
  if (!isWholeBlobRow(former)) throw damagedRow(key)
  const references = former.readUInt32BE(32) + count
  if (references <= 0) {
    const row = decodeBlobRow(former)
    unit.drop(key, former)
    if (live === undefined) addLiveBytes(unit, row.segment, -frameBytesOf(row))
    else live.add(row.segment, -frameBytesOf(row))
    return
  }
  const bytes = Buffer.from(former)
  bytes.writeUInt32BE(references, 32)
  bytes.writeUInt32BE(blobSeal(bytes), sealAt)
  unit.replace(key, bytes, former)
}
