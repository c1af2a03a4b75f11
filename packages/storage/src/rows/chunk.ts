import { keyOf32x2, tables } from '../kv/keys.ts'
import type { Reader, Unit } from '../kv/unit.ts'

/**
 * Up to 32 messages of a mailbox in one row: those whose UID shares its upper 27 bits. The head keeps the
 * chunk's highest MODSEQ, so that "what changed since" reads heads only.
 */
export interface Placement {
  readonly uid: number
  flags0: number
  flags1: number
  modSeq: number
  readonly messageId: number
  readonly blobId: number
  /** Prefix included. */
  readonly sizeBytes: number
  readonly internalDateMs: number
  readonly saveDateMs: number
}

export const chunkShift = 5
export const chunkHeadBytes = 8
export const placementBytes = 48

/** Offsets in a packed placement. */
export const at = {
  flags0: 0,
  flags1: 4,
  modSeq: 8,
  messageId: 14,
  blobHigh: 20,
  blobLow: 22,
  sizeBytes: 28,
  internalDate: 34,
  saveDate: 40,
  uidLow: 46,
} as const

export const chunkKey = (mailbox: number, chunk: number): Buffer => keyOf32x2(tables.chunk, mailbox, chunk)
export const chunkOfUid = (uid: number): number => uid >>> chunkShift
export const chunkOfKey = (key: Buffer): number => key.readUInt32BE(5)

export const chunkModSeq = (bytes: Buffer): number => bytes.readUIntBE(0, 6)
export const chunkCount = (bytes: Buffer): number =>
  Math.floor((bytes.length - chunkHeadBytes) / placementBytes)

export const decodeChunk = (chunk: number, bytes: Buffer): Placement[] => {
  const placements: Placement[] = []
  for (let base = chunkHeadBytes; base < bytes.length; base += placementBytes) {
    placements.push({
      uid: chunk * 32 + (bytes[base + at.uidLow] as number),
      flags0: bytes.readUInt32BE(base + at.flags0),
      flags1: bytes.readUInt32BE(base + at.flags1),
      modSeq: bytes.readUIntBE(base + at.modSeq, 6),
      messageId: bytes.readUIntBE(base + at.messageId, 6),
      blobId:
        bytes.readUInt16BE(base + at.blobHigh) * 0x1_0000_0000_0000 + bytes.readUIntBE(base + at.blobLow, 6),
      sizeBytes: bytes.readUIntBE(base + at.sizeBytes, 6),
      internalDateMs: bytes.readIntBE(base + at.internalDate, 6),
      saveDateMs: bytes.readIntBE(base + at.saveDate, 6),
    })
  }
  return placements
}

export const encodeChunk = (placements: readonly Placement[]): Buffer => {
  const bytes = Buffer.alloc(chunkHeadBytes + placements.length * placementBytes)
  let highest = 0
  let base = chunkHeadBytes
  for (const placement of placements) {
    if (placement.modSeq > highest) highest = placement.modSeq
    bytes.writeUInt32BE(placement.flags0, base + at.flags0)
    bytes.writeUInt32BE(placement.flags1, base + at.flags1)
    bytes.writeUIntBE(placement.modSeq, base + at.modSeq, 6)
    bytes.writeUIntBE(placement.messageId, base + at.messageId, 6)
    bytes.writeUInt16BE(Math.floor(placement.blobId / 0x1_0000_0000_0000), base + at.blobHigh)
    bytes.writeUIntBE(placement.blobId % 0x1_0000_0000_0000, base + at.blobLow, 6)
    bytes.writeUIntBE(placement.sizeBytes, base + at.sizeBytes, 6)
    bytes.writeIntBE(placement.internalDateMs, base + at.internalDate, 6)
    bytes.writeIntBE(placement.saveDateMs, base + at.saveDate, 6)
    bytes[base + at.uidLow] = placement.uid & 31
    base += placementBytes
  }
  bytes.writeUIntBE(highest, 0, 6)
  return bytes
}

export const readChunk = (reader: Reader, mailbox: number, chunk: number): Placement[] => {
  const bytes = reader.get(chunkKey(mailbox, chunk))
  return bytes === undefined ? [] : decodeChunk(chunk, bytes)
}

export const writeChunk = (
  unit: Unit,
  mailbox: number,
  chunk: number,
  placements: readonly Placement[],
): void => {
  const key = chunkKey(mailbox, chunk)
  if (placements.length === 0) unit.remove(key)
  else unit.put(key, encodeChunk(placements))
}

/** Adds placements with ascending UIDs above every present one. */
export const addPlacements = (unit: Unit, mailbox: number, added: readonly Placement[]): void => {
  let from = 0
  while (from < added.length) {
    const chunk = chunkOfUid((added[from] as Placement).uid)
    let to = from
    while (to < added.length && chunkOfUid((added[to] as Placement).uid) === chunk) to++
    const key = chunkKey(mailbox, chunk)
    const former = unit.get(key)
    const packed = encodeChunk(added.slice(from, to))
    if (former === undefined) unit.replace(key, packed, undefined)
    else {
      const joined = Buffer.concat([former, packed.subarray(chunkHeadBytes)])
      packed.copy(joined, 0, 0, chunkHeadBytes)
      unit.replace(key, joined, former)
    }
    from = to
  }
}

/** Rows of [firstUid, lastUid] as stored. */
export function* chunkRows(
  reader: Reader,
  mailbox: number,
  firstUid = 0,
  lastUid = 0xffffffff,
): Generator<{ chunk: number; bytes: Buffer }> {
  const start = chunkKey(mailbox, chunkOfUid(firstUid))
  const last = chunkOfUid(lastUid)
  const end = last === 0x7ffffff ? chunkKey(mailbox, 0xffffffff) : chunkKey(mailbox, last + 1)
  for (const { key, value } of reader.range({ start, end })) yield { chunk: chunkOfKey(key), bytes: value }
}
