import {
  committedTransaction,
  type Environment,
  type Pin,
  pageBytesOf,
  pinSnapshot,
  transact,
} from '../kv/environment.ts'
import { Snapshot } from '../kv/unit.ts'
import { bootId, type ProcessIdentity } from '../process-identity.ts'
import type { Report } from '../report.ts'
import type { FileLayer } from '../segments/file-layer.ts'
import {
  encodeFlushRecord,
  type FlushRecord,
  flushOwnersIn,
  flushPath,
  flushSlot,
  indexIdOf,
  readFlushFile,
  readMetas,
} from './flush-record.ts'
import { type LogState, readLogState } from './log-state.ts'

export interface FlusherParts {
  readonly environment: Environment
  readonly files: FileLayer
  readonly self: ProcessIdentity
  /** Of the log and the flush records. */
  readonly directory: string
  readonly indexPath: string
  /** Makes all frames durable that were written before the call, by whatever process. */
  readonly syncSegments: () => Promise<void>
  readonly report: Report
}

/** Who has the store open beside this process. */
export interface OtherProcesses {
  readonly areThere: () => boolean
  readonly isLiving: (owner: number) => boolean
}

/** The flush trails the commits by about this, or by so much of the log, or by so many transactions. */
const flushAfterMs = 250
const flushAfterBytes = 4 * 1024 * 1024
const flushAfterTransactions = 1_000
const retryAfterMs = 5_000
const lookAroundMs = 1_000

/**
 * Brings the index to disk in the background. LMDB commits without a flush; so that power failure leaves a
 * whole index all the same, the pages of the last state that is on disk are kept from being used again by a
 * snapshot that is held open (a pin), and a record beside the index says which state that is. Each process
 * pins for itself: LMDB looks at the oldest snapshot of all.
 */
export class IndexFlusher {
  readonly #parts: FlusherParts
  readonly #indexFile: number
  readonly #recordFile: number
  readonly #pageBytes: number
  readonly #indexId: number
  readonly #boot = bootId()
  #pin: Pin | undefined
  #last: FlushRecord | undefined
  #count = 0
  #running: Promise<void> | undefined
  #next: Promise<void> | undefined
  #failed: unknown
  #timer: NodeJS.Timeout | undefined
  #watch: NodeJS.Timeout | undefined
  #behindBytes = 0
  #behindTransactions = 0
  #closed = false

  constructor(parts: FlusherParts) {
    this.#parts = parts
    const { files, environment, indexPath, directory, self } = parts
    this.#pageBytes = pageBytesOf(environment)
    this.#indexFile = files.openReadWrite(indexPath)
    this.#indexId = indexIdOf(files, this.#indexFile, this.#pageBytes)
    this.#recordFile = files.create(flushPath(directory, self.token))
  }

  /** Before anything is written: from here on power failure finds a whole index. */
  async start(): Promise<void> {
    await this.flush()
    await this.#parts.files.syncDirectory(this.#parts.directory)
    this.#watch = setInterval(() => this.#lookAround(), lookAroundMs)
    this.#watch.unref()
  }

  /** As of the youngest flush of this process. */
  get flushed(): LogState | undefined {
    return this.#last?.state
  }

  get isFlushing(): boolean {
    return this.#running !== undefined
  }

  /** Resolves when everything that is committed now is on disk. */
  flush(): Promise<void> {
    this.#next ??= this.#after(this.#running)
    return this.#next
  }

  /** A transaction was committed whose record has this length, in a log of that one. */
  committed(recordBytes: number, logBytes: number): void {
    this.#behindBytes += recordBytes
    this.#behindTransactions++
    const isFar =
      this.#behindBytes > Math.min(flushAfterBytes, logBytes / 3) ||
      this.#behindTransactions > flushAfterTransactions
    if (isFar && this.#next === undefined && this.#running === undefined) this.#flushSoon(0)
    else this.#flushSoon(flushAfterMs)
  }

  /** No flush by itself any more. */
  stop(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    clearInterval(this.#watch)
  }

  /**
   * The last flush; then nothing may be written any more. After an orderly end of the last one nothing needs to
   * be said, by those neither that ended before: the index would be taken back to what they knew.
   */
  async close(others: OtherProcesses): Promise<void> {
    this.stop()
    try {
      await this.flush()
      if (!others.areThere()) await this.#forgetAll(others.isLiving)
    } finally {
      this.#parts.files.close(this.#recordFile)
      this.#parts.files.close(this.#indexFile)
      this.#pin?.release()
      this.#pin = undefined
    }
  }

  /** Removes the records of processes that are gone, as far as they are not younger than this one's. */
  forgetOthers(isLiving: (owner: number) => boolean): void {
    const { files, directory, self } = this.#parts
    for (const owner of flushOwnersIn(directory)) {
      if (owner === self.token || isLiving(owner)) continue
      const path = flushPath(directory, owner)
      // Another process does the same at this moment.
      if (files.sizeOf(path) === undefined) continue
      const own = this.#last?.transaction ?? -1
      const isOlder = readFlushFile(files, path).every(
        ({ indexId, transaction }) => indexId !== this.#indexId || transaction <= own,
      )
      if (isOlder) files.unlink(path)
    }
  }

  /** The youngest last, and only when the others are gone from the disk: what is left of them must never count. */
  async #forgetAll(isLiving: (owner: number) => boolean): Promise<void> {
    const { files, directory, self } = this.#parts
    this.forgetOthers(isLiving)
    if (flushOwnersIn(directory).some((owner) => owner !== self.token)) return
    await files.syncDirectory(directory)
    files.unlink(flushPath(directory, self.token))
  }

  async #after(former: Promise<void> | undefined): Promise<void> {
    await former?.catch(() => {})
    this.#running = this.#next
    this.#next = undefined
    try {
      await this.#flushOnce()
    } finally {
      this.#running = undefined
    }
  }

  async #flushOnce(): Promise<void> {
    if (this.#failed !== undefined) throw this.#failed
    this.#behindBytes = 0
    this.#behindTransactions = 0
    const { files, environment } = this.#parts
    // First the pin, then the state: a state is safe when it is not older than the pin.
    const pin = pinSnapshot(environment)
    let kept = false
    try {
      const record = this.#present()
      if (record.transaction === this.#last?.transaction) return
      await this.#parts.syncSegments()
      try {
        await files.dataSync(this.#indexFile)
      } catch (error) {
        // Pages that the kernel gave up look clean from now on: a second sync would lie.
        this.#failed = error
        throw error
      }
      await files.write(this.#recordFile, [encodeFlushRecord(record)], flushSlot(this.#count))
      await files.dataSync(this.#recordFile)
      this.#count++
      this.#pin?.release()
      this.#pin = pin
      this.#last = record
      kept = true
    } finally {
      if (!kept) pin.release()
    }
  }

  /** The state that is committed now. Nobody commits meanwhile. */
  #present(): FlushRecord {
    const { environment, files } = this.#parts
    let record: FlushRecord | undefined
    transact(environment, () => {
      record = {
        transaction: committedTransaction(environment),
        indexId: this.#indexId,
        boot: this.#boot,
        pageBytes: this.#pageBytes,
        metas: readMetas(files, this.#indexFile, this.#pageBytes),
        state: readLogState(new Snapshot(environment)),
      }
    })
    return record as FlushRecord
  }

  #flushSoon(delayMs: number): void {
    if (this.#closed || (this.#timer !== undefined && delayMs > 0)) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.flush().catch((error) => {
        this.#parts.report(error)
        if (this.#failed === undefined) this.#flushSoon(retryAfterMs)
      })
    }, delayMs)
    this.#timer.unref()
  }

  /** An old pin of a process at rest would let the index grow while others write. */
  #lookAround(): void {
    try {
      const { next } = readLogState(new Snapshot(this.#parts.environment))
      if (next !== this.#last?.state.next) this.#flushSoon(flushAfterMs)
    } catch (error) {
      this.#parts.report(error)
    }
  }
}
