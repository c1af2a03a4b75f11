import { randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { read64, write64 } from '../kv/keys.ts'
import { bootId } from '../process-identity.ts'
import type { FileLayer } from '../segments/file-layer.ts'
import { decodeLogState, encodeLogState, type LogState } from './log-state.ts'

/**
 * A state of the index that is on disk in whole: the head of LMDB's two meta pages, which name its roots, and
 * the log's place. Its pages stay as they are while a reader holds a snapshot that is not younger.
 */
export interface FlushRecord {
  /** Of LMDB: greater is younger. */
  readonly transaction: number
  /** Of the index file that it is about, see `indexIdOf`. */
  readonly indexId: number
  /** Of the boot it was written in. */
  readonly boot: string
  readonly pageBytes: number
  /** The first octets of both meta pages. */
  readonly metas: Buffer
  readonly state: LogState
  /** A program before version 4 of the store wrote it: see `isBelieved`. */
  readonly isFormer?: true
}

/** How the store was left: 'unclean' when a process that had it open did not close it. */
export type FormerEnd = 'orderly' | 'unclean'

/** A meta page's header and contents are far shorter; the rest of the page is not used. */
export const metaHeadBytes = 512
const metasBytes = 2 * metaHeadBytes
const slotBytes = 4096
const magic = 0x50485832
const formerMagic = 0x50485831
const bootBytes = 36
const fixedBytes = 40
const recordBytes = fixedBytes + bootBytes + metasBytes + 56

export const flushPath = (directory: string, owner: number): string => join(directory, `${owner}.flushed`)

export const flushOwnersIn = (directory: string): number[] =>
  readdirSync(directory)
    .map((name) => /^(\d+)\.flushed$/.exec(name)?.[1])
    .filter((digits) => digits !== undefined)
    .map(Number)

export const encodeFlushRecord = (record: FlushRecord): Buffer => {
  const bytes = Buffer.alloc(recordBytes)
  bytes.writeUInt32BE(magic, 0)
  bytes.writeUInt32BE(record.pageBytes, 8)
  write64(bytes, record.transaction, 12)
  write64(bytes, record.indexId, 20)
  bytes.write(record.boot, fixedBytes, bootBytes, 'latin1')
  record.metas.copy(bytes, fixedBytes + bootBytes)
  encodeLogState(record.state).copy(bytes, fixedBytes + bootBytes + metasBytes)
  bytes.writeUInt32BE(crc32(bytes.subarray(8)), 4)
  return bytes
}

const decodeFlushRecord = (bytes: Buffer): FlushRecord | undefined => {
  if (bytes.length < recordBytes) return undefined
  const found = bytes.readUInt32BE(0)
  if (found !== magic && found !== formerMagic) return undefined
  if (crc32(bytes.subarray(8, recordBytes)) !== bytes.readUInt32BE(4)) return undefined
  const metasAt = fixedBytes + bootBytes
  return {
    pageBytes: bytes.readUInt32BE(8),
    transaction: read64(bytes, 12),
    indexId: read64(bytes, 20),
    boot: bytes.toString('latin1', fixedBytes, metasAt).replace(/\0+$/, ''),
    metas: Buffer.from(bytes.subarray(metasAt, metasAt + metasBytes)),
    state: decodeLogState(bytes.subarray(metasAt + metasBytes, recordBytes)),
    ...(found === formerMagic && { isFormer: true as const }),
  }
}

/** Of the two slots the next one, so that the other stays whole while it is written. */
export const flushSlot = (count: number): number => (count % 2) * slotBytes

/** For a rebuild, which has no index: the youngest state of all. */
export const youngestFlushOfAny = (files: FileLayer, directory: string): FlushRecord | undefined =>
  flushOwnersIn(directory)
    .flatMap((owner) => readFlushFile(files, flushPath(directory, owner)))
    .sort((a, b) => b.transaction - a.transaction)[0]

/** The youngest state of this index file that is known to be on disk in whole. */
export const youngestFlush = (
  files: FileLayer,
  directory: string,
  indexPath: string,
  end: FormerEnd,
): FlushRecord | undefined => {
  if (files.sizeOf(indexPath) === undefined) return undefined
  const index = files.openRead(indexPath)
  try {
    let youngest: FlushRecord | undefined
    for (const owner of flushOwnersIn(directory)) {
      for (const record of readFlushFile(files, flushPath(directory, owner))) {
        if (record.indexId !== readIndexId(files, index, record.pageBytes)) continue
        if (!isBelieved(record, end)) continue
        if (youngest === undefined || record.transaction > youngest.transaction) youngest = record
      }
    }
    return youngest
  } finally {
    files.close(index)
  }
}

/**
 * Programs before version 4 of the store could leave records of processes that were gone when the last one closed
 * it: their pages are used again. Without a dead process nothing was left open; and as long as the machine has not
 * been started again, what the kernel has of the index is whole as it is.
 */
const isBelieved = ({ isFormer, boot }: FlushRecord, end: FormerEnd): boolean =>
  isFormer === undefined || (end === 'unclean' && boot !== bootId())

/**
 * A random number in the last quarter of the first meta page, which LMDB leaves alone: a copy of the file has
 * it, too, and an index that was made anew has none.
 */
const indexIdPlace = (pageBytes: number): number => (pageBytes / 4) * 3
const indexIdMagic = 0x50484944

const readIndexId = (files: FileLayer, file: number, pageBytes: number): number | undefined => {
  const bytes = Buffer.alloc(12)
  files.readSync(file, bytes, indexIdPlace(pageBytes))
  return bytes.readUInt32BE(0) === indexIdMagic ? read64(bytes, 4) : undefined
}

/** Gives it one when it has none. The next flush makes it durable. */
export const indexIdOf = (files: FileLayer, file: number, pageBytes: number): number => {
  const known = readIndexId(files, file, pageBytes)
  if (known !== undefined) return known
  const bytes = Buffer.alloc(12)
  const indexId = randomBytes(6).readUIntBE(0, 6)
  bytes.writeUInt32BE(indexIdMagic, 0)
  write64(bytes, indexId, 4)
  files.writeSync(file, [bytes], indexIdPlace(pageBytes))
  return indexId
}

export const readFlushFile = (files: FileLayer, path: string): FlushRecord[] => {
  const file = files.openRead(path)
  try {
    const found: FlushRecord[] = []
    for (const slot of [0, 1]) {
      const bytes = Buffer.alloc(recordBytes)
      files.readSync(file, bytes, flushSlot(slot))
      const record = decodeFlushRecord(bytes)
      if (record !== undefined) found.push(record)
    }
    return found
  } finally {
    files.close(file)
  }
}

export const readMetas = (files: FileLayer, file: number, pageBytes: number): Buffer => {
  const metas = Buffer.alloc(metasBytes)
  files.readSync(file, metas.subarray(0, metaHeadBytes), 0)
  files.readSync(file, metas.subarray(metaHeadBytes), pageBytes)
  return metas
}

/**
 * Takes the index back to its youngest state that is on disk in whole. Nobody may have it open. Returns that
 * state; undefined when there is none, which is so after an orderly end.
 */
export const rollBackIndex = async (
  files: FileLayer,
  directory: string,
  indexPath: string,
  end: FormerEnd,
): Promise<FlushRecord | undefined> => {
  const record = youngestFlush(files, directory, indexPath, end)
  if (record === undefined) return undefined
  const file = files.openReadWrite(indexPath)
  try {
    const { pageBytes, metas } = record
    if (readMetas(files, file, pageBytes).equals(metas)) return record
    files.writeSync(file, [metas.subarray(0, metaHeadBytes)], 0)
    files.writeSync(file, [metas.subarray(metaHeadBytes)], pageBytes)
    await files.dataSync(file)
  } finally {
    files.close(file)
  }
  return record
}
