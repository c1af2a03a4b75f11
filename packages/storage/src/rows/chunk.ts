import { crc32 } from 'node:zlib'
import { keyOf32x2, tables } from '../kv/keys.ts'
import { signed48, unsigned16, unsigned32, unsigned48, write16, write32, write48 } from '../kv/numbers.ts'
import type { Reader, Unit } from '../kv/unit.ts'
import { damagedRow } from './seal.ts'

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
  /**
   * Octets that a transfer adds which ends each line with CRLF (RFC 1939 §11); `manyOctets`: so many, or nobody has
   * counted them. Of rows of former versions 0.
   */
  readonly missingOctets: number
}

/** Greatest number that a placement has room for. */
export const manyOctets = 255

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
  missingOctets: 47,
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
      flags0: unsigned32(bytes, base + at.flags0),
      flags1: unsigned32(bytes, base + at.flags1),
      modSeq: unsigned48(bytes, base + at.modSeq),
      messageId: unsigned48(bytes, base + at.messageId),
      blobId:
        unsigned16(bytes, base + at.blobHigh) * 0x1_0000_0000_0000 + unsigned48(bytes, base + at.blobLow),
      sizeBytes: unsigned48(bytes, base + at.sizeBytes),
      internalDateMs: signed48(bytes, base + at.internalDate),
      saveDateMs: signed48(bytes, base + at.saveDate),
      missingOctets: bytes[base + at.missingOctets] as number,
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
    write32(bytes, placement.flags0, base + at.flags0)
    write32(bytes, placement.flags1, base + at.flags1)
    write48(bytes, placement.modSeq, base + at.modSeq)
    write48(bytes, placement.messageId, base + at.messageId)
    write16(bytes, Math.floor(placement.blobId / 0x1_0000_0000_0000), base + at.blobHigh)
    write48(bytes, placement.blobId % 0x1_0000_0000_0000, base + at.blobLow)
    write48(bytes, placement.sizeBytes, base + at.sizeBytes)
    // These test the range: a date comes from a client.
    bytes.writeIntBE(placement.internalDateMs, base + at.internalDate, 6)
    bytes.writeIntBE(placement.saveDateMs, base + at.saveDate, 6)
    bytes[base + at.uidLow] = placement.uid & 31
    bytes[base + at.missingOctets] = Math.min(placement.missingOctets, manyOctets)
    base += placementBytes
  }
  bytes.writeUIntBE(highest, 0, 6)
  return bytes
}

/** In rows of former versions 0. */
const sealAt = 6

const chunkSeal = (mailbox: number, chunk: number, bytes: Buffer): number => {
  // A peeked row has room for longer ones behind its length.
  const crc = crc32(
    bytes.subarray(chunkHeadBytes, bytes.length),
    (mailbox ^ (chunk << 5) ^ bytes.readUInt32BE(0) ^ bytes.readUInt16BE(4)) >>> 0,
  )
  return ((crc >>> 16) ^ crc) & 0xffff || 1
}

export const isWholeChunk = (mailbox: number, chunk: number, bytes: Buffer): boolean => {
  if (bytes.length < chunkHeadBytes || (bytes.length - chunkHeadBytes) % placementBytes !== 0) return false
  const seal = bytes.readUInt16BE(sealAt)
  return seal === 0 || seal === chunkSeal(mailbox, chunk, bytes)
}

/** Puts the checksum into a row that is to be written. */
export const sealChunk = (mailbox: number, chunk: number, bytes: Buffer): Buffer => {
  bytes.writeUInt16BE(chunkSeal(mailbox, chunk, bytes), sealAt)
  return bytes
}

/** The row as stored. Throws 'corrupt'. */
export const getChunk = (reader: Reader, mailbox: number, chunk: number): Buffer | undefined => {
  const key = chunkKey(mailbox, chunk)
  return wholeChunk(mailbox, chunk, key, reader.get(key))
}

/** The same, valid until the next read of any row. Throws 'corrupt'. */
export const peekChunk = (reader: Reader, mailbox: number, chunk: number): Buffer | undefined => {
  const key = chunkKey(mailbox, chunk)
  return wholeChunk(mailbox, chunk, key, reader.peek === undefined ? reader.get(key) : reader.peek(key))
}

/** As `getChunk`, of one of many chunks, see `Unit.getOnce`. Throws 'corrupt'. */
export const getChunkOnce = (unit: Unit, mailbox: number, chunk: number): Buffer | undefined => {
  const key = chunkKey(mailbox, chunk)
  return wholeChunk(mailbox, chunk, key, unit.getOnce(key))
}

const wholeChunk = (
  mailbox: number,
  chunk: number,
  key: Buffer,
  bytes: Buffer | undefined,
): Buffer | undefined => {
  if (bytes !== undefined && !isWholeChunk(mailbox, chunk, bytes)) throw damagedRow(key)
  return bytes
}

export const readChunk = (reader: Reader, mailbox: number, chunk: number): Placement[] => {
  const bytes = getChunk(reader, mailbox, chunk)
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
  else unit.put(key, sealChunk(mailbox, chunk, encodeChunk(placements)))
}

/** Adds placements with ascending UIDs above every present one. */
export const addPlacements = (unit: Unit, mailbox: number, added: readonly Placement[]): void => {
  let from = 0
  while (from < added.length) {
    const chunk = chunkOfUid((added[from] as Placement).uid)
    let to = from
    while (to < added.length && chunkOfUid((added[to] as Placement).uid) === chunk) to++
    const key = chunkKey(mailbox, chunk)
    const former = getChunk(unit, mailbox, chunk)
    const packed = encodeChunk(added.slice(from, to))
    if (former === undefined) unit.replace(key, sealChunk(mailbox, chunk, packed), undefined)
    else {
      const joined = Buffer.concat([former, packed.subarray(chunkHeadBytes)])
      packed.copy(joined, 0, 0, chunkHeadBytes)
      unit.replace(key, sealChunk(mailbox, chunk, joined), former)
    }
    from = to
  }
}

/** Rows of [firstUid, lastUid] as stored. Throws 'corrupt'. */
export function* chunkRows(
  reader: Reader,
  mailbox: number,
  firstUid = 0,
  lastUid = 0xffffffff,
): Generator<{ chunk: number; bytes: Buffer }> {
  const start = chunkKey(mailbox, chunkOfUid(firstUid))
  const last = chunkOfUid(lastUid)
  const end = last === 0x7ffffff ? chunkKey(mailbox, 0xffffffff) : chunkKey(mailbox, last + 1)
  for (const { key, value } of reader.range({ start, end })) {
    const chunk = chunkOfKey(key)
    if (!isWholeChunk(mailbox, chunk, value)) throw damagedRow(key)
    yield { chunk, bytes: value }
  }
}
