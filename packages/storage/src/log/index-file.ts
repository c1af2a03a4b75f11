import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { StoreError } from '../contract.ts'
import { journalDirectory } from '../journal/journal-files.ts'
import type { FileLayer } from '../segments/file-layer.ts'
import { isUnreadable } from '../segments/readable-octets.ts'
import { findBrokenPage } from './page-walk.ts'

/** Where LMDB's meta pages have what is looked at (little-endian, lmdb-js 3.5.6). */
const at = {
  magic: 24,
  pageBytes: 48,
  freePages: 56,
  freeRoot: 88,
  mainPages: 104,
  mainRoot: 136,
  lastPage: 144,
} as const
const magic = 0xbeefc0de
const headBytes = 160
const noRoot = 0xffff_ffff_ffff_ffffn

/**
 * LMDB ends the process when the file is not what its first pages say; and it would make a new, empty index where
 * there is none. Throws 'corrupt' for an index that is cut short, overwritten, or missing beside mail; with 'pages' for one
 * that is damaged anywhere inside: to be asked after an end that may have been LMDB's.
 */
export const refuseBrokenIndex = (
  files: FileLayer,
  directory: string,
  indexPath: string,
  depth: 'head' | 'pages' = 'head',
): void => {
  const sizeBytes = files.sizeOf(indexPath) ?? 0
  if (sizeBytes === 0) {
    if (files.sizeOf(`${indexPath}.restoring`) !== undefined)
      throw new StoreError(
        'corrupt',
        `Cannot open the store in ${directory}: a restore was cut short: run posthorn restore again`,
      )
    if (hasMail(directory)) throw broken(directory, 'its index is missing, and there is mail')
    return
  }
  const file = files.openRead(indexPath)
  try {
    if (isUnreadableAtHead(files, file)) throw broken(directory, 'the disk cannot read its index')
    if (!isWhole(files, file, sizeBytes)) throw broken(directory, 'its index is damaged')
    const pageBytes = pageBytesIn(files, file)
    // Pages that were never used may be missing at the end; so may others when somebody cut it.
    const isShort = lastPageIn(files, file, pageBytes) >= BigInt(Math.floor(sizeBytes / pageBytes))
    const what = depth === 'pages' || isShort ? findBrokenPage(files, file, pageBytes) : undefined
    if (what !== undefined) throw broken(directory, `its index is damaged (${what})`)
  } finally {
    files.close(file)
  }
}

const pageBytesIn = (files: FileLayer, file: number): number => {
  const head = Buffer.alloc(headBytes)
  files.readSync(file, head, 0)
  return head.readUInt32LE(at.pageBytes)
}

const isUnreadableAtHead = (files: FileLayer, file: number): boolean => {
  try {
    files.readSync(file, Buffer.alloc(2 * 65_536), 0)
    return false
  } catch (error) {
    if (!isUnreadable(error)) throw error
    return true
  }
}

/** The greatest number that either state of the index has given. */
const lastPageIn = (files: FileLayer, file: number, pageBytes: number): bigint => {
  const head = Buffer.alloc(headBytes)
  let last = 0n
  for (const place of [0, pageBytes]) {
    files.readSync(file, head, place)
    const page = head.readBigUInt64LE(at.lastPage)
    if (page > last) last = page
  }
  return last
}

const broken = (directory: string, what: string): StoreError =>
  new StoreError(
    'corrupt',
    `Cannot open the store in ${directory}: ${what}: make it anew (posthorn store rebuild) or restore a backup`,
  )

const isWhole = (files: FileLayer, file: number, sizeBytes: number): boolean => {
  const first = Buffer.alloc(headBytes)
  if (files.readSync(file, first, 0) < headBytes || first.readUInt32LE(at.magic) !== magic) return false
  const pageBytes = first.readUInt32LE(at.pageBytes)
  if (pageBytes < 512 || pageBytes > 65_536) return false
  const second = Buffer.alloc(headBytes)
  if (files.readSync(file, second, pageBytes) < headBytes) return false
  const pages = BigInt(Math.floor(sizeBytes / pageBytes))
  return second.readUInt32LE(at.magic) === magic && [first, second].every((meta) => fits(meta, pages))
}

/** What a state of the index names is in the file: both roots, and as many pages as it counts. */
const fits = (meta: Buffer, pages: bigint): boolean => {
  let counted = 2n
  for (const from of [at.freePages, at.mainPages])
    for (let word = 0; word < 3; word++) counted += meta.readBigUInt64LE(from + word * 8)
  const roots = [meta.readBigUInt64LE(at.freeRoot), meta.readBigUInt64LE(at.mainRoot)]
  return counted <= pages && roots.every((root) => root === noRoot || root < pages)
}

const hasMail = (directory: string): boolean => {
  const folders = [join(directory, 'segments'), journalDirectory(directory)]
  return folders.some((folder) =>
    filesIn(folder).some((name) => (statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0) > 0),
  )
}

const filesIn = (folder: string): string[] => {
  try {
    return readdirSync(folder).filter((name) => /\.(seg|jnl|ckp)$/.test(name))
  } catch {
    return []
  }
}
