import type { GroupParticipant } from '../kv/group-commit.ts'
import { keyOfText, tables } from '../kv/keys.ts'
import { isNoSpace } from '../kv/no-space.ts'
import type { Changes, Unit } from '../kv/unit.ts'
import type { ProcessIdentity } from '../process-identity.ts'
import type { Report } from '../report.ts'
import type { FileLayer } from '../segments/file-layer.ts'
import { journalPath } from './journal-files.ts'
import { encodeFrames, type JournalRecord } from './journal-frame.ts'
import { isJournaledKey, markKey, markValue } from './journal-tables.ts'
import { PendingRows } from './pending-rows.ts'

/** The journal trails the index by at most about this, off the path of acknowledgements. */
const flushAfterMs = 500
const retryAfterMs = 5_000
/** A longer journal is put aside, and a checkpoint makes it superfluous. */
const maxJournalBytes = 64 * 1024 * 1024
/** Encoded in one turn of the event loop. */
const sliceRecords = 200

const nextQueueKey = keyOfText(tables.meta, 'next-queue').toString('latin1')

/** Repeats this process's changes of irreplaceable rows in files of its own. */
export class Journal implements GroupParticipant {
  readonly #directory: string
  readonly #files: FileLayer
  readonly #self: ProcessIdentity
  readonly #onLong: () => void
  readonly #makeDurable: () => Promise<void>
  readonly #report: Report
  /** It is tried again and again: told once, until it has gone well. */
  #isTold = false
  readonly #sequence: () => number
  /** Committed, not yet written. */
  #pending = new PendingRows()
  /** Empty; takes its turn while the other is being written. */
  #spare = new PendingRows()
  /** Of the group that is being committed. */
  #group: Changes | undefined
  #number = 0
  #file: number | undefined
  #lengthBytes = 0
  #timer: NodeJS.Timeout | undefined
  #flushing: Promise<void> | undefined
  #closed = false
  /** There is more to write than that queue ids were taken: those that were not used may be given again. */
  #isBehind = false

  /**
   * `sequence`: number of the transaction under way. `makeDurable`: all that is in force is on disk: after power failure the
   * journal must not say what the index never had.
   */
  constructor(
    directory: string,
    files: FileLayer,
    self: ProcessIdentity,
    sequence: () => number,
    onLong: () => void,
    makeDurable: () => Promise<void>,
    report: Report,
  ) {
    this.#makeDurable = makeDurable
    this.#report = report
    this.#sequence = sequence
    this.#directory = directory
    this.#files = files
    this.#self = self
    this.#onLong = onLong
  }

  insideGroup(_unit: Unit, changes: Changes): void {
    this.#group = changes
  }

  afterGroup(): void {
    const sequence = this.#sequence()
    for (const [key, value] of this.#group ?? []) {
      if (!isJournaledKey(key)) continue
      this.#pending.set(key, sequence, value)
      if (key !== nextQueueKey) this.#isBehind = true
    }
    this.#group = undefined
    this.#schedule(flushAfterMs)
  }

  /** Every frame of this segment before the offset has met its fate. */
  mark(segment: number, offset: number): void {
    this.#pending.set(markKey(segment).toString('latin1'), 0, markValue(offset))
    this.#isBehind = true
  }

  /** Writes and syncs what is pending. Throws when it cannot; nothing is forgotten then. */
  async flush(): Promise<void> {
    while (this.#flushing !== undefined) await this.#flushing.catch(() => {})
    if (!this.#isBehind) return
    this.#flushing = this.#write().finally(() => {
      this.#flushing = undefined
    })
    await this.#flushing
  }

  /** Later records go into a new file. */
  async startNewFile(): Promise<void> {
    await this.flush()
    if (this.#file !== undefined) this.#files.close(this.#file)
    this.#file = undefined
    this.#lengthBytes = 0
  }

  get currentPath(): string | undefined {
    return this.#file === undefined
      ? undefined
      : journalPath(this.#directory, 'journal', this.#self.token, this.#number)
  }

  /** Writes what is left; on a full disk `releaseReserve` makes room for it. */
  async close(releaseReserve: () => boolean = () => false): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    try {
      await this.startNewFile()
    } catch (error) {
      if (!isNoSpace(error) || !releaseReserve()) throw error
      await this.startNewFile()
    }
  }

  async #write(): Promise<void> {
    const records = this.#pending
    this.#pending = this.#spare
    this.#isBehind = false
    try {
      await this.#makeDurable()
      if (this.#file === undefined) await this.#create()
      let end = this.#lengthBytes
      for (const slice of slicesOf(records)) {
        const frames = encodeFrames(slice)
        await this.#files.write(this.#file as number, frames, end)
        end += frames.reduce((sum, frame) => sum + frame.length, 0)
      }
      await this.#files.dataSync(this.#file as number)
      this.#lengthBytes = end
      records.clear()
      this.#spare = records
    } catch (error) {
      // Newer states of the same rows win.
      records.add(this.#pending)
      this.#pending.clear()
      this.#spare = this.#pending
      this.#pending = records
      this.#isBehind = true
      throw error
    }
    if (this.#lengthBytes > maxJournalBytes) this.#onLong()
  }

  /** In use only when its name is on the disk. */
  async #create(): Promise<void> {
    this.#number++
    const path = journalPath(this.#directory, 'journal', this.#self.token, this.#number)
    const file = this.#files.create(path)
    try {
      await this.#files.syncDirectory(this.#directory)
    } catch (error) {
      this.#files.close(file)
      this.#files.unlink(path)
      throw error
    }
    this.#file = file
    this.#lengthBytes = 0
  }

  #schedule(delayMs: number): void {
    if (this.#timer !== undefined || this.#closed || !this.#isBehind) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.flush().then(
        () => {
          this.#isTold = false
          this.#schedule(flushAfterMs)
        },
        (error) => {
          if (!this.#isTold) this.#report(error)
          this.#isTold = true
          this.#schedule(retryAfterMs)
        },
      )
    }, delayMs)
    this.#timer.unref()
  }
}

function* slicesOf(pending: PendingRows): Generator<JournalRecord[]> {
  let slice: JournalRecord[] = []
  for (const record of pending.records()) {
    slice.push(record)
    if (slice.length < sliceRecords) continue
    yield slice
    slice = []
  }
  if (slice.length > 0) yield slice
}
