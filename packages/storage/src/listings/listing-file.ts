import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import type { ListedOctets } from '../contract.ts'

/**
 * `ACCOUNT.list`: what lists of messages show, made once for each message, in columns. A head, then blocks; only
 * appended to and never synced, because all of it can be made again. Numbers are in the machine's own order
 * (a file from another kind of machine has no magic, and is made anew).
 *
 *     head   magic, version of the maker, generation, CRC-32 of the 12 octets before
 *     block  magic, CRC-32 of the block's head from 8 on, octets of that head, messages
 *            blocks and messages in the file, this one's counted (doubles)
 *            for each column: octets, CRC-32
 *            for each message: message id, blob id, size (doubles)
 *            for each column and message: where its octets end in the column
 *            the columns, one behind the other
 *            tail: magic, CRC-32 of the rest of the tail, where the block begins (double)
 *
 * Everything but columns begins at a multiple of 8.
 */
export const fileHeadBytes = 16
export const blockFixedBytes = 48
export const tailBytes = 16
export const columnCount = 2
const fileMagic = 0x31_4c_48_50
const blockMagic = 0x32_4c_48_50
const tailMagic = 0x33_4c_48_50
/** Three doubles for each message. */
export const idsOfMessage = 3
/** More than the maker's thread ever puts together. */
export const maxBlockMessages = 4_096

export const listingPath = (directory: string, account: number): string => join(directory, `${account}.list`)

/** A message and its columns; empty: there is nothing to keep. */
export interface NewListing {
  readonly messageId: number
  readonly blobId: number
  readonly sizeBytes: number
  readonly columns: ListedOctets
}

export interface BlockCounts {
  readonly blocks: number
  readonly messages: number
}

export interface BlockHead {
  readonly headBytes: number
  readonly count: number
  /** In the file, up to this block. */
  readonly total: BlockCounts
  readonly columns: readonly { readonly lengthBytes: number; readonly crc: number }[]
}

export const encodeFileHead = (version: number, generation: number): Buffer => {
  const words = Uint32Array.of(fileMagic, version, generation, 0)
  const bytes = Buffer.from(words.buffer)
  words[3] = crc32(bytes.subarray(0, 12))
  return bytes
}

/** The generation; undefined when these octets are no head of this version's. */
export const decodeFileHead = (bytes: Buffer, version: number | 'any'): number | undefined => {
  if (bytes.length < fileHeadBytes) return undefined
  const words = aligned32(bytes, 0, 4)
  if (words[0] !== fileMagic || (version !== 'any' && words[1] !== version)) return undefined
  return words[3] === crc32(bytes.subarray(0, 12)) ? words[2] : undefined
}

/** A whole block that is going to begin at `start` of the file. */
export const encodeBlock = (added: readonly NewListing[], start: number, before: BlockCounts): Buffer => {
  const ids = new Float64Array(added.length * idsOfMessage)
  for (const [at, { messageId, blobId, sizeBytes }] of added.entries()) {
    ids.set([messageId, blobId, sizeBytes], at * idsOfMessage)
  }
  const ends = new Uint32Array(added.length * columnCount)
  const columns: Buffer[] = []
  for (let column = 0; column < columnCount; column++) {
    const octets = added.map((each) => each.columns[column] as Uint8Array)
    let end = 0
    octets.forEach((each, at) => {
      end += each.length
      ends[column * added.length + at] = end
    })
    columns.push(Buffer.concat(octets))
  }
  const headBytes = toMultiple(blockFixedBytes + ids.byteLength + ends.byteLength)
  const lengthBytes = columns.reduce((sum, each) => sum + each.length, headBytes)
  const bytes = Buffer.alloc(toMultiple(lengthBytes) + tailBytes)
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, blockFixedBytes / 4)
  words.set([blockMagic, 0, headBytes, added.length])
  new Float64Array(bytes.buffer, bytes.byteOffset + 16, 2).set([
    before.blocks + 1,
    before.messages + added.length,
  ])
  let at = headBytes
  columns.forEach((octets, column) => {
    words.set([octets.length, crc32(octets)], 8 + column * 2)
    octets.copy(bytes, at)
    at += octets.length
  })
  bytes.set(new Uint8Array(ids.buffer), blockFixedBytes)
  bytes.set(new Uint8Array(ends.buffer), blockFixedBytes + ids.byteLength)
  words[1] = crc32(bytes.subarray(8, headBytes))
  encodeTail(start).copy(bytes, bytes.length - tailBytes)
  return bytes
}

/** The fixed part of a block's head; undefined for other octets. Its checksum is not tested. */
export const decodeBlockHead = (bytes: Buffer, at: number): BlockHead | undefined => {
  if (bytes.length - at < blockFixedBytes) return undefined
  const words = aligned32(bytes, at, blockFixedBytes / 4)
  const count = words[3] as number
  if (words[0] !== blockMagic || count === 0 || count > maxBlockMessages) return undefined
  const headBytes = toMultiple(blockFixedBytes + count * (idsOfMessage * 8 + columnCount * 4))
  if (words[2] !== headBytes) return undefined
  const totals = new Float64Array(words.buffer, 16, 2)
  const columns = [8, 10].map((word) => ({
    lengthBytes: words[word] as number,
    crc: words[word + 1] as number,
  }))
  return { headBytes, count, total: { blocks: totals[0] as number, messages: totals[1] as number }, columns }
}

/** @param head the whole head of a block */
export const isBlockHeadWhole = (head: Buffer): boolean =>
  aligned32(head, 0, 2)[1] === crc32(head.subarray(8))

export const blockBytes = ({ headBytes, columns }: BlockHead): number =>
  toMultiple(columns.reduce((sum, { lengthBytes }) => sum + lengthBytes, headBytes)) + tailBytes

const encodeTail = (start: number): Buffer => {
  const bytes = Buffer.alloc(tailBytes)
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, 2)
  new Float64Array(bytes.buffer, bytes.byteOffset + 8, 1)[0] = start
  words[0] = tailMagic
  words[1] = crc32(bytes.subarray(8))
  return bytes
}

/** Where the block begins that ends with these octets; undefined when it was not written in whole. */
export const decodeTail = (bytes: Buffer): number | undefined => {
  if (bytes.length !== tailBytes) return undefined
  const words = aligned32(bytes, 0, 4)
  if (words[0] !== tailMagic || words[1] !== crc32(bytes.subarray(8))) return undefined
  return new Float64Array(words.buffer, 8, 1)[0]
}

/** Octets of a file may lie anywhere in memory: arrays of numbers may not. */
const aligned32 = (bytes: Buffer, at: number, count: number): Uint32Array => {
  const words = new Uint32Array(count)
  new Uint8Array(words.buffer).set(bytes.subarray(at, at + count * 4))
  return words
}

const toMultiple = (octets: number): number => Math.ceil(octets / 8) * 8
