import { keyOf32, tables } from '../kv/keys.ts'
import type { Reader, Unit } from '../kv/unit.ts'

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
}

const rowBytes = 40

export const segmentKey = (segment: number): Buffer => keyOf32(tables.segment, segment)

export const encodeSegmentRow = (row: SegmentRow): Buffer => {
  const bytes = Buffer.alloc(rowBytes)
  bytes.writeDoubleBE(row.owner, 0)
  bytes[12] = (row.state === 'sealed' ? 1 : 0) | (row.shape === 'single' ? 2 : 0)
  bytes.writeDoubleBE(row.syncedBytes, 16)
  bytes.writeDoubleBE(row.lengthBytes, 24)
  bytes.writeDoubleBE(row.liveBytes, 32)
  return bytes
}

export const decodeSegmentRow = (bytes: Buffer): SegmentRow => ({
  owner: bytes.readDoubleBE(0),
  state: (bytes[12] as number) & 1 ? 'sealed' : 'open',
  shape: (bytes[12] as number) & 2 ? 'single' : 'shared',
  syncedBytes: bytes.readDoubleBE(16),
  lengthBytes: bytes.readDoubleBE(24),
  liveBytes: bytes.readDoubleBE(32),
})

export const readSegmentRow = (reader: Reader, segment: number): SegmentRow | undefined => {
  const bytes = reader.get(segmentKey(segment))
  return bytes && decodeSegmentRow(bytes)
}

export const writeSegmentRow = (unit: Unit, segment: number, row: SegmentRow): void =>
  unit.put(segmentKey(segment), encodeSegmentRow(row))

/** Counts octets of frames into or out of use. */
export const addLiveBytes = (unit: Unit, segment: number, octets: number): void => {
  const key = segmentKey(segment)
  const former = unit.get(key)
  if (former === undefined) return
  const bytes = Buffer.from(former)
  bytes.writeDoubleBE(former.readDoubleBE(32) + octets, 32)
  unit.replace(key, bytes, former)
}
