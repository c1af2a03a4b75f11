import { StoreError } from '../contract.ts'
import type { FileLayer } from './file-layer.ts'
import { isUnreadable } from './readable-octets.ts'
import { segmentPath } from './segment-path.ts'

interface OpenFile {
  readonly file: number
  readers: number
  dropped: boolean
}

const maxOpenFiles = 128
/** Read at once: what memory holds is there sooner than another thread could be asked for it. */
const quickBytes = 1536 * 1024
/** A read at once that takes longer came from the disk; or other processes held it up, and no disk was read meanwhile. */
const slowReadMs = 1
/** Not every file system says that it has read (FUSE, 9p): what takes so long came from somewhere. */
const surelySlowMs = 10
/** Memory gives a megabyte in less. */
const slowMsPerByte = 2 / (1024 * 1024)
/** After a slow one so many are left to other threads; after each that follows it more, up to the last. */
const patience = [4, 16, 64, 256]

/** Reads from segment files; a file stays readable while a read is under way, even when unlinked. */
export class SegmentReader {
  readonly #directory: string
  readonly #files: FileLayer
  readonly #open = new Map<number, OpenFile>()
  /** Reads that are left to other threads. */
  #patient = 0
  #slowInARow = 0
  readonly #diskReads: () => number
  #lastDiskReads: number

  /** @param diskReads grows when this process has read from a disk. getrusage(2): ru_inblock */
  constructor(
    directory: string,
    files: FileLayer,
    diskReads: () => number = () => process.resourceUsage().fsRead,
  ) {
    this.#directory = directory
    this.#files = files
    this.#diskReads = diskReads
    this.#lastDiskReads = diskReads()
  }

  /** Octets [position, position + length) or fewer at the end of the file. */
  async read(
    segment: number,
    position: number,
    lengthBytes: number,
    allocate: (lengthBytes: number) => Buffer = Buffer.allocUnsafeSlow,
  ): Promise<Buffer> {
    const open = this.#take(segment)
    try {
      const target = allocate(lengthBytes)
      const isQuick = lengthBytes <= quickBytes && this.#patient-- <= 0
      const filled =
        (isQuick ? this.#readNow(open.file, target, position) : undefined) ??
        (await this.#files.read(open.file, target, position))
      return filled === lengthBytes ? target : target.subarray(0, filled)
    } finally {
      this.#release(open)
    }
  }

  /** undefined: the disk cannot give all of it. */
  #readNow(file: number, target: Buffer, position: number): number | undefined {
    const beganMs = performance.now()
    const filled = this.#trySync(file, target, position)
    const tookMs = performance.now() - beganMs
    const slow = tookMs > slowReadMs + target.length * slowMsPerByte && this.#cameFromDisk(tookMs)
    this.#slowInARow = slow ? this.#slowInARow + 1 : 0
    this.#patient = slow ? (patience[Math.min(this.#slowInARow, patience.length) - 1] as number) : 0
    return filled
  }

  /** Asked for slow reads alone: it costs some microseconds. */
  #cameFromDisk(tookMs: number): boolean {
    const before = this.#lastDiskReads
    this.#lastDiskReads = this.#diskReads()
    return this.#lastDiskReads !== before || tookMs > surelySlowMs
  }

  #trySync(file: number, target: Buffer, position: number): number | undefined {
    try {
      return this.#files.readSync(file, target, position)
    } catch (error) {
      if (!isUnreadable(error)) throw error
      return undefined
    }
  }

  /** False when that cannot be done at once, or the file ends before `target` is full. */
  readNow(segment: number, position: number, target: Buffer): boolean {
    if (target.length > quickBytes || this.#patient-- > 0) return false
    const open = this.#take(segment)
    try {
      return this.#readNow(open.file, target, position) === target.length
    } finally {
      this.#release(open)
    }
  }

  /** Makes what another process wrote to its segment durable. */
  async sync(segment: number): Promise<void> {
    const open = this.#take(segment)
    try {
      await this.#files.dataSync(open.file)
    } finally {
      this.#release(open)
    }
  }

  /** The file is gone or will be: no new read uses the old handle. */
  forget(segment: number): void {
    const open = this.#open.get(segment)
    if (open !== undefined) this.#drop(segment, open)
  }

  /** Gives back handles of files that compaction (perhaps of another process) unlinked. */
  dropUnlinked(): void {
    for (const [segment, open] of this.#open) {
      if (this.#files.sizeOf(segmentPath(this.#directory, segment)) === undefined) this.#drop(segment, open)
    }
  }

  close(): void {
    for (const [segment, open] of this.#open) this.#drop(segment, open)
  }

  #take(segment: number): OpenFile {
    let open = this.#open.get(segment)
    if (open === undefined) {
      open = { file: this.#openFile(segment), readers: 0, dropped: false }
      if (this.#open.size >= maxOpenFiles) this.#dropOldest()
    } else this.#open.delete(segment)
    this.#open.set(segment, open)
    open.readers++
    return open
  }

  #openFile(segment: number): number {
    try {
      return this.#files.openRead(segmentPath(this.#directory, segment))
    } catch (cause) {
      throw new StoreError('corrupt', `Cannot open segment ${segment}`, { cause })
    }
  }

  #release(open: OpenFile): void {
    open.readers--
    if (open.dropped && open.readers === 0) this.#files.close(open.file)
  }

  #dropOldest(): void {
    for (const [segment, open] of this.#open) {
      this.#drop(segment, open)
      return
    }
  }

  #drop(segment: number, open: OpenFile): void {
    this.#open.delete(segment)
    open.dropped = true
    if (open.readers === 0) this.#files.close(open.file)
  }
}
