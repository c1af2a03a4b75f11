import { keyOf32, tables } from '../kv/keys.ts'
import type { Reader, Unit } from '../kv/unit.ts'
import { foldWords } from '../rows/seal.ts'

/** Index row of one segment file. */
export interface SegmentRow {
  /** Token of the process that appends to it, see `ProcessIdentity`. */
  readonly owner: number
  readonly state: 'open' | 'sealed'
  /** 'single' holds one large message. */
  readonly shape: 'shared' | 'single'
  /** Frames before this offset are known to be on disk. */
  readonly syncedBytes: number
  /** Whole length; exact when sealed. */
  readonly lengthBytes: number
  /** Octets of frames that a blob row names. */
  readonly liveBytes: number
  /** A bit of the row has flipped: its counts are no reason to remove anything. It stays so until a rebuild. */
  readonly isDamaged?: true
  /** Somebody wants its dead octets back: its owner is to append to another one. */
  readonly isToBeSealed?: true
}

const bits = { sealed: 1, single: 2, toBeSealed: 4 } as const

const rowBytes = 40

export const segmentKey = (segment: number): Buffer => keyOf32(tables.segment, segment)

const encodeSegmentRow = (segment: number, row: SegmentRow): Buffer => {
  const bytes = Buffer.alloc(rowBytes)
  bytes.writeDoubleBE(row.owner, 0)
  bytes[12] =
    (row.state === 'sealed' ? bits.sealed : 0) |
    (row.shape === 'single' ? bits.single : 0) |
    (row.isToBeSealed ? bits.toBeSealed : 0)
  bytes.writeDoubleBE(row.syncedBytes, 16)
  bytes.writeDoubleBE(row.lengthBytes, 24)
  bytes.writeDoubleBE(row.liveBytes, 32)
  const seal = sealOf(segment, bytes)
  bytes.writeUInt32BE(row.isDamaged ? anotherThan(seal) : seal, sealAt)
  return bytes
}

/** In rows of former versions 0. */
const sealAt = 8

/** Never 0. */
const sealOf = (segment: number, bytes: Buffer): number =>
  (foldWords(bytes, 0, sealAt) ^ foldWords(bytes, sealAt + 4, rowBytes) ^ segment) >>> 0 || 1

const anotherThan = (seal: number): number => (seal === 1 ? 2 : 1)

export const decodeSegmentRow = (segment: number, bytes: Buffer): SegmentRow => {
  const state = bytes[12] as number
  return {
    owner: bytes.readDoubleBE(0),
    state: state & bits.sealed ? 'sealed' : 'open',
    shape: state & bits.single ? 'single' : 'shared',
    syncedBytes: bytes.readDoubleBE(16),
    lengthBytes: bytes.readDoubleBE(24),
    liveBytes: bytes.readDoubleBE(32),
    ...(state & bits.toBeSealed && { isToBeSealed: true as const }),
    ...(!isWhole(segment, bytes) && { isDamaged: true as const }),
  }
}

const isWhole = (segment: number, bytes: Buffer): boolean => {
  const seal = bytes.readUInt32BE(sealAt)
  return seal === 0 || seal === sealOf(segment, bytes)
}

export const readSegmentRow = (reader: Reader, segment: number): SegmentRow | undefined => {
  const bytes = reader.get(segmentKey(segment))
  return bytes && decodeSegmentRow(segment, bytes)
}

export const writeSegmentRow = (unit: Unit, segment: number, row: SegmentRow): void =>
  unit.put(segmentKey(segment), encodeSegmentRow(segment, row))

/** Counts octets of frames into or out of use. */
export const addLiveBytes = (unit: Unit, segment: number, octets: number): void => {
  const key = segmentKey(segment)
  const former = unit.get(key)
  if (former === undefined) return
  const row = decodeSegmentRow(segment, former)
  unit.replace(key, encodeSegmentRow(segment, { ...row, liveBytes: row.liveBytes + octets }), former)
}

/** Octets of many frames, which mostly are in few segments: their rows are written once. */
export class LiveBytes {
  readonly #bySegment = new Map<number, number>()

  add(segment: number, octets: number): void {
    this.#bySegment.set(segment, (this.#bySegment.get(segment) ?? 0) + octets)
  }

  /** Before the unit ends. */
  write(unit: Unit): void {
    for (const [segment, octets] of this.#bySegment) addLiveBytes(unit, segment, octets)
    this.#bySegment.clear()
  }
}
