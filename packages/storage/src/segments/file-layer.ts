import * as fs from 'node:fs'
import { promisify } from 'node:util'
import { type ReadSome, readWhatThereIs } from './readable-octets.ts'

/** The few calls that segments and the journal make; tests put a lying one in its place. */
export interface FileLayer {
  /** Creates; fails when it exists. Mode 600. */
  create(path: string): number
  openRead(path: string): number
  openReadWrite(path: string): number
  /** Writes all of it or throws; after a throw the tail of the file is undefined. */
  writeSync(file: number, chunks: readonly Uint8Array[], position: number): void
  write(file: number, chunks: readonly Uint8Array[], position: number): Promise<void>
  /** Reads until `target` is full or the file ends; of what the disk cannot give zeros. */
  read(file: number, target: Uint8Array, position: number): Promise<number>
  /** The same; throws 'EIO' instead. */
  readSync(file: number, target: Uint8Array, position: number): number
  dataSync(file: number): Promise<void>
  /** On the event loop. */
  dataSyncNow(file: number): void
  truncate(file: number, lengthBytes: number): void
  close(file: number): void
  unlink(path: string): void
  sizeOf(path: string): number | undefined
  /** Makes names in a folder durable. */
  syncDirectory(path: string): Promise<void>
}

const readFile = promisify(fs.read)
const dataSyncFile = promisify(fs.fdatasync)
const syncFile = promisify(fs.fsync)

/** IOV_MAX of Linux. */
const maxVectors = 1024

export const realFileLayer: FileLayer = {
  create: (path) => fs.openSync(path, 'wx+', 0o600),
  openRead: (path) => fs.openSync(path, 'r'),
  openReadWrite: (path) => fs.openSync(path, 'r+'),
  writeSync(file, chunks, position) {
    let rest = chunks
    let at = position
    while (rest.length > 0) {
      const written = fs.writevSync(file, rest.slice(0, maxVectors), at)
      at += written
      rest = skipOctets(rest, written)
    }
  },
  async write(file, chunks, position) {
    let rest = chunks
    let at = position
    while (rest.length > 0) {
      const written = await writeVectors(file, rest.slice(0, maxVectors), at)
      at += written
      rest = skipOctets(rest, written)
    }
  },
  async read(file, target, position) {
    const readSome: ReadSome = async (piece, at) =>
      (await readFile(file, piece, 0, piece.length, at)).bytesRead
    return await readWhatThereIs(readSome, target, position)
  },
  readSync(file, target, position) {
    let filled = 0
    while (filled < target.length) {
      const count = fs.readSync(file, target, filled, target.length - filled, position + filled)
      if (count === 0) break
      filled += count
    }
    return filled
  },
  dataSync: (file) => dataSyncFile(file),
  dataSyncNow: (file) => fs.fdatasyncSync(file),
  truncate: (file, lengthBytes) => fs.ftruncateSync(file, lengthBytes),
  close: (file) => fs.closeSync(file),
  unlink(path) {
    fs.rmSync(path, { force: true })
  },
  sizeOf: (path) => fs.statSync(path, { throwIfNoEntry: false })?.size,
  async syncDirectory(path) {
    const directory = fs.openSync(path, 'r')
    try {
      await syncFile(directory)
    } finally {
      fs.closeSync(directory)
    }
  },
}

const writeVectors = (file: number, chunks: readonly Uint8Array[], position: number): Promise<number> =>
  new Promise((resolve, reject) => {
    fs.writev(file, chunks, position, (error, written) => (error ? reject(error) : resolve(written)))
  })

const skipOctets = (chunks: readonly Uint8Array[], count: number): readonly Uint8Array[] => {
  let left = count
  let at = 0
  while (at < chunks.length && (chunks[at] as Uint8Array).length <= left) {
    left -= (chunks[at] as Uint8Array).length
    at++
  }
  const rest = chunks.slice(at)
  if (left > 0 && rest.length > 0) rest[0] = (rest[0] as Uint8Array).subarray(left)
  return rest
}
