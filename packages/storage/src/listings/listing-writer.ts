import { randomInt } from 'node:crypto'
import * as fs from 'node:fs'
import {
  type BlockCounts,
  blockBytes,
  blockFixedBytes,
  decodeBlockHead,
  decodeTail,
  encodeBlock,
  encodeFileHead,
  fileHeadBytes,
  listingPath,
  type NewListing,
  tailBytes,
} from './listing-file.ts'
import { ListingIndex } from './listing-index.ts'

const none: BlockCounts = { blocks: 0, messages: 0 }
/** Messages of a block that compaction makes. */
const wholeBlockMessages = 256
const copyBytes = 1024 * 1024

/** One writer at a time. */
export const appendListings = (
  directory: string,
  account: number,
  version: number,
  added: readonly NewListing[],
): void => {
  if (added.length === 0) return
  const { file, end } = openForWriting(listingPath(directory, account), version)
  try {
    writeAll(file, encodeBlock(added, end.sizeBytes, end.total), end.sizeBytes)
  } finally {
    fs.closeSync(file)
  }
}

export const removeListings = (directory: string, account: number): void =>
  fs.rmSync(listingPath(directory, account), { force: true })

/** What the file has, looked at from its end; undefined: none, or cut short. */
export const listingCounts = (directory: string, account: number): BlockCounts | undefined => {
  try {
    const file = fs.openSync(listingPath(directory, account), 'r')
    try {
      return endOf(file)?.total
    } finally {
      fs.closeSync(file)
    }
  } catch {
    return undefined
  }
}

/** Writes the columns of living messages in large blocks into a new file that takes the place of the old one. */
export const compactListings = (
  directory: string,
  account: number,
  version: number,
  living: Float64Array,
): void => {
  const path = listingPath(directory, account)
  const index = ListingIndex.open(path, version)
  if (index === undefined) {
    removeListings(directory, account)
    return
  }
  try {
    index.extendNow(fs.statSync(path).size)
    const file = fs.openSync(`${path}.new`, 'w', 0o600)
    try {
      writeAll(file, encodeFileHead(version, newGeneration()), 0)
      copyLiving(index, living, file)
    } finally {
      fs.closeSync(file)
    }
    fs.renameSync(`${path}.new`, path)
  } finally {
    index.release()
  }
}

const copyLiving = (index: ListingIndex, living: Float64Array, file: number): void => {
  let at = fileHeadBytes
  let total = none
  let block: NewListing[] = []
  const write = (): void => {
    if (block.length === 0) return
    const bytes = encodeBlock(block, at, total)
    writeAll(file, bytes, at)
    at += bytes.length
    total = { blocks: total.blocks + 1, messages: total.messages + block.length }
    block = []
  }
  for (const messageId of new Set(living)) {
    const listing = index.readOne(messageId)
    if (listing !== undefined) block.push(listing)
    if (block.length === wholeBlockMessages) write()
  }
  write()
}

interface End {
  readonly sizeBytes: number
  readonly total: BlockCounts
}

/** A file of another version gives way to a new one: somebody may still read it. */
const openForWriting = (path: string, version: number): { readonly file: number; readonly end: End } => {
  const index = ListingIndex.open(path, version)
  if (index === undefined) return startAnew(path, version)
  const file = fs.openSync(path, 'r+', 0o600)
  try {
    const end = endOf(file)
    if (end !== undefined) return { file, end }
    fs.closeSync(file)
    index.extendNow(fs.statSync(path).size)
    return keepBeginning(path, index)
  } finally {
    index.release()
  }
}

const startAnew = (path: string, version: number): { readonly file: number; readonly end: End } => {
  fs.rmSync(path, { force: true })
  const file = fs.openSync(path, 'wx', 0o600)
  writeAll(file, encodeFileHead(version, newGeneration()), 0)
  return { file, end: { sizeBytes: fileHeadBytes, total: none } }
}

/** The whole blocks of a file that was cut short, in a file of their own. */
const keepBeginning = (path: string, index: ListingIndex): { readonly file: number; readonly end: End } => {
  const { readBytes: sizeBytes, count: messages } = index
  const file = fs.openSync(`${path}.new`, 'w', 0o600)
  for (let at = 0; at < sizeBytes; at += copyBytes) {
    const piece = Buffer.alloc(Math.min(copyBytes, sizeBytes - at))
    fs.readSync(index.file, piece, 0, piece.length, at)
    writeAll(file, piece, at)
  }
  fs.renameSync(`${path}.new`, path)
  return { file, end: { sizeBytes, total: { blocks: index.blocks.length, messages } } }
}

/** undefined when the last block was not written in whole: a crash, or a full disk. */
const endOf = (file: number): End | undefined => {
  const sizeBytes = fs.fstatSync(file).size
  if (sizeBytes === fileHeadBytes) return { sizeBytes, total: none }
  const tail = Buffer.alloc(tailBytes)
  if (sizeBytes < fileHeadBytes + tailBytes) return undefined
  fs.readSync(file, tail, 0, tailBytes, sizeBytes - tailBytes)
  const start = decodeTail(tail)
  if (start === undefined || start < fileHeadBytes || start >= sizeBytes) return undefined
  const fixed = Buffer.alloc(blockFixedBytes)
  fs.readSync(file, fixed, 0, blockFixedBytes, start)
  const head = decodeBlockHead(fixed, 0)
  return head && start + blockBytes(head) === sizeBytes ? { sizeBytes, total: head.total } : undefined
}

/** A reader knows by it that the file is another one. */
const newGeneration = (): number => randomInt(1, 0xffff_ffff)

const writeAll = (file: number, bytes: Buffer, position: number): void => {
  for (let done = 0; done < bytes.length; ) {
    done += fs.writeSync(file, bytes, done, bytes.length - done, position + done)
  }
}
