import { join } from 'node:path'
import { crc32 } from 'node:zlib'

/**
 * The folded texts of one account: `ACCOUNT.idx` (a head with the generation, then a record for each message) and
 * `ACCOUNT-GENERATION.head`, `.body` with the texts themselves. Only appended to; never synced, because all of
 * it can be made again from the messages.
 */
export interface TextRecord {
  readonly messageId: number
  readonly blobId: number
  /** Of the message, prefix included: with both ids it says which message this is the text of. */
  readonly sizeBytes: number
  readonly headAt: number
  readonly headBytes: number
  readonly headCrc: number
  /** MIME headers of the parts, then bodies. */
  readonly bodyAt: number
  readonly partBytes: number
  readonly bodyBytes: number
  readonly bodyCrc: number
  /** Its text is too long to be kept: it is searched in the message. */
  readonly tooLong: boolean
  /** Of both files after the text was written (see text-stamp.ts). */
  readonly stamp: number
}

export const indexHeadBytes = 16
export const recordBytes = 72
const magic = 0x50485431

/**
 * Of how messages are folded, and of these files: whoever changes either counts on, and all texts are made anew. One
 * that was folded otherwise would be searched, and what is searched for not found in it.
 */
export const textsVersion = 1

/** Between texts: no octet of UTF-8, so nothing is found across it. */
export const separator = 0xff

export const textsName = 'texts'
export const indexPath = (directory: string, account: number): string => join(directory, `${account}.idx`)
export const headPath = (directory: string, account: number, generation: number): string =>
  join(directory, `${account}-${generation}.head`)
export const bodyPath = (directory: string, account: number, generation: number): string =>
  join(directory, `${account}-${generation}.body`)

/** The account that a file belongs to; undefined for another file. */
export const accountOfName = (name: string): number | undefined => {
  const match = /^(\d{1,10})(?:\.idx|\.list|-\d{1,10}\.(?:head|body))$/.exec(name)
  return match ? Number(match[1]) : undefined
}

/** What a file of texts is named after; undefined for another file. */
export const dataFileOf = (
  name: string,
): { readonly account: number; readonly generation: number } | undefined => {
  const match = /^(\d{1,10})-(\d{1,10})\.(?:head|body)$/.exec(name)
  return match ? { account: Number(match[1]), generation: Number(match[2]) } : undefined
}

export const encodeIndexHead = (generation: number, version = textsVersion): Buffer => {
  const bytes = Buffer.alloc(indexHeadBytes)
  bytes.writeUInt32BE(magic, 0)
  bytes.writeUInt32BE(generation, 4)
  bytes.writeUInt32BE(version, 8)
  bytes.writeUInt32BE(crc32(bytes.subarray(0, 12)), 12)
  return bytes
}

/** The generation; undefined when these octets are no head of this version's. */
export const decodeIndexHead = (bytes: Buffer, version: number | 'any'): number | undefined => {
  if (bytes.length < indexHeadBytes || bytes.readUInt32BE(0) !== magic) return undefined
  if (bytes.readUInt32BE(12) !== crc32(bytes.subarray(0, 12))) return undefined
  return version === 'any' || bytes.readUInt32BE(8) === version ? bytes.readUInt32BE(4) : undefined
}

export const encodeRecord = (record: TextRecord): Buffer => {
  const bytes = Buffer.alloc(recordBytes)
  bytes.writeDoubleBE(record.messageId, 0)
  bytes.writeDoubleBE(record.blobId, 8)
  bytes.writeDoubleBE(record.sizeBytes, 16)
  bytes.writeDoubleBE(record.headAt, 24)
  bytes.writeDoubleBE(record.bodyAt, 32)
  bytes.writeUInt32BE(record.headBytes, 40)
  bytes.writeUInt32BE(record.partBytes, 44)
  bytes.writeUInt32BE(record.bodyBytes, 48)
  bytes.writeUInt32BE(record.headCrc, 52)
  bytes.writeUInt32BE(record.bodyCrc, 56)
  bytes[60] = record.tooLong ? 1 : 0
  bytes.writeUInt32BE(record.stamp, 64)
  bytes.writeUInt32BE(crc32(bytes.subarray(0, 68)), 68)
  return bytes
}

/** undefined for a damaged one. */
export const decodeRecord = (bytes: Buffer, at: number): TextRecord | undefined => {
  if (bytes.readUInt32BE(at + 68) !== crc32(bytes.subarray(at, at + 68))) return undefined
  return {
    messageId: bytes.readDoubleBE(at),
    blobId: bytes.readDoubleBE(at + 8),
    sizeBytes: bytes.readDoubleBE(at + 16),
    headAt: bytes.readDoubleBE(at + 24),
    bodyAt: bytes.readDoubleBE(at + 32),
    headBytes: bytes.readUInt32BE(at + 40),
    partBytes: bytes.readUInt32BE(at + 44),
    bodyBytes: bytes.readUInt32BE(at + 48),
    headCrc: bytes.readUInt32BE(at + 52),
    bodyCrc: bytes.readUInt32BE(at + 56),
    tooLong: bytes[at + 60] === 1,
    stamp: bytes.readUInt32BE(at + 64),
  }
}
