import { type Environment, transact } from '../kv/environment.ts'
import type { GroupParticipant } from '../kv/group-commit.ts'
import { isNoSpace } from '../kv/no-space.ts'
import { type Changes, Snapshot, type Unit } from '../kv/unit.ts'
import type { FileLayer } from '../segments/file-layer.ts'
import type { SegmentWriter } from '../segments/segment-writer.ts'
import type { IndexFlusher } from './index-flusher.ts'
import { LeftRecords } from './left-records.ts'
import { logIdsIn, logPath, placeAt, recordsIn } from './log-files.ts'
import { encodeRecord, framesBytes, type LoggedFrame, recordHeadBytes, rowsBytes } from './log-record.ts'
import { emptyLogState, encodeLogState, type LogState, logStateKey, readLogState } from './log-state.ts'
import {
  aheadBytes,
  type FreshLog,
  firstCapacityBytes,
  logCapacity,
  makeLog,
  maxCapacityBytes,
  zeros,
} from './make-log.ts'
import { QuickSync } from './quick-sync.ts'
import { redoRows } from './redo.ts'

export interface WriteLogParts {
  readonly environment: Environment
  readonly files: FileLayer
  readonly directory: string
  readonly writer: SegmentWriter
  readonly flusher: IndexFlusher
  /** Of a new log; otherwise by the room on the disk. */
  readonly capacityBytes?: number | undefined
}

/** A log of the first length is replaced when one process has logged so much. */
const growAfterBytes = 512 * 1024
/** Longer frames are synced where they are; their octets are not written twice. */
const maxFramesBytes = 256 * 1024
/** A longer record waits for the flush of the index instead. */
const maxShareOfLog = 1 / 4

/** The log has no room before the index is flushed; then the group is to be run again. */
export class LogFull extends Error {
  constructor() {
    super('The log is full until the index is flushed')
  }
}

type Way = 'none' | 'log' | 'flush'

/**
 * The log: what each transaction changed, in one file that all processes write, in the order of transactions
 * (its place is part of the index). A group is durable with one sync of this file; the index and the segments
 * follow in the background, and after power failure what they lack is read from here.
 */
export class WriteLog implements GroupParticipant {
  readonly #parts: WriteLogParts
  readonly #quick: QuickSync
  #logId = 0
  #file: number | undefined
  #sizeBytes = 0
  /** A new file, to be taken into use by the next group. */
  #fresh: FreshLog | undefined
  #scratch = Buffer.allocUnsafeSlow(64 * 1024)
  /** As the group found it. */
  #opened: LogState = emptyLogState
  #present: LogState | undefined
  #written: { readonly place: number; readonly sizeBytes: number } | undefined
  #loggedBytes = 0
  #growing: Promise<void> | undefined
  /** Given up for another one; needed until the index on disk names that one. */
  #formerId: number | undefined
  #way: Way = 'none'
  #mustSyncFrames = false
  readonly left = new LeftRecords()
  /** All transactions before this are known to be on disk. */
  #durableNext = 0
  /** As this process left it: nobody has written since when the index still says so. */
  #ownNext = 0
  /** Of the transaction under way. */
  sequence = 0

  constructor(parts: WriteLogParts) {
    this.#parts = parts
    this.#quick = new QuickSync(parts.files, () => parts.flusher.isFlushing)
  }

  /** False when there is no file to log into: `makeFile` then. */
  open(): boolean {
    return this.#openFile(readLogState(new Snapshot(this.#parts.environment)).logId)
  }

  /** A new file, and an empty group that takes it into use. */
  async makeFile(runGroup: () => Promise<unknown>): Promise<void> {
    await this.#prepareFile(this.#capacity(firstCapacityBytes))
    await runGroup()
  }

  /** Files of former logs. Only while no other process has the store open. */
  removeOthers(): void {
    const { files, directory } = this.#parts
    for (const logId of logIdsIn(directory))
      if (logId !== this.#logId) files.unlink(logPath(directory, logId))
  }

  beforeGroup(): void {
    this.#written = undefined
    this.#way = 'none'
    this.#mustSyncFrames = false
  }

  /** A process that was killed may have logged, and acknowledged, more than it has committed. */
  openGroup(): 'own' | 'unknown' {
    const { environment } = this.#parts
    this.#opened = readLogState(new Snapshot(environment))
    if (this.#opened.next === this.#ownNext) return 'own'
    this.#redoFrom(this.#opened)
    this.#opened = readLogState(new Snapshot(environment))
    this.#ownNext = 0
    return 'unknown'
  }

  /** Outside a transaction: the same for what this process could not commit. */
  repair(): void {
    const { environment } = this.#parts
    transact(environment, () => this.#redoFrom(readLogState(new Snapshot(environment))))
    // What is in the index now is for the next group to find out.
    this.#ownNext = 0
  }

  #redoFrom(state: LogState): void {
    const { environment, files } = this.#parts
    if (state.logId !== this.#logId) this.#openFile(state.logId)
    if (this.#file === undefined || state.capacityBytes === 0) return
    for (const redone of recordsIn(files, this.#file, state)) redoRows(environment, redone)
  }

  insideGroup(_unit: Unit, changes: Changes): void {
    const former = this.#opened
    const frames = this.#parts.writer.unloggedFrames
    this.sequence = former.next
    this.#present = former
    this.#mustSyncFrames = frames.length > 0
    if (changes.size === 0) {
      // A unit that changed nothing may rest on what another process is still writing.
      if (this.#fresh === undefined) {
        if (former.next > this.#durableNext) this.#way = this.#wayOf(former)
        return
      }
    }
    const state = { ...former, next: former.next + 1, ...this.#newestTail(former) }
    const logged = this.#fresh === undefined ? this.#append(state, changes, frames) : this.#takeFresh(state)
    this.#present = logged
    this.#way = this.#wayOf(logged)
    // Not a change of the record: reading the log again says it.
    this.#parts.environment.putSync(logStateKey, encodeLogState(logged))
    this.#ownNext = logged.next
  }

  /** Its transaction was not committed: what was logged says nothing. */
  voidGroup(): void {
    const written = this.#written
    this.#written = undefined
    // Another process may write the transaction that would have had this number.
    this.#ownNext = 0
    if (written === undefined || this.#file === undefined) return
    try {
      this.#parts.files.writeSync(this.#file, [zeros.subarray(0, recordHeadBytes)], written.place)
    } catch {
      // The next record takes the same place.
    }
  }

  async syncGroup(units: number, when: 'now' | 'later'): Promise<void> {
    const { writer } = this.#parts
    const sizeBytes = this.#written?.sizeBytes ?? 0
    const isPlain = this.#way === 'log' && writer.unloggedFrames.length === 0
    if (when === 'later' && isPlain && this.left.leave(sizeBytes)) return this.#count(sizeBytes)
    const syncFrames = this.#mustSyncFrames ? writer.syncFrames() : undefined
    // It is awaited below, after the log.
    syncFrames?.catch(() => {})
    const next = this.#present?.next ?? 0
    try {
      if (sizeBytes > 0) this.#count(sizeBytes)
      if (this.#way === 'log') await this.#syncFile(units)
      else if (this.#way === 'flush') await this.#flush(next)
    } finally {
      await syncFrames
    }
    writer.framesAreDurable()
    this.left.synced()
    if (this.#way !== 'none') this.#durableNext = Math.max(this.#durableNext, next)
  }

  /** A flush gives room in the log, and the index pages that it may use again. */
  async relieve(error: unknown): Promise<boolean> {
    if (!(error instanceof LogFull) && !isNoSpace(error)) return false
    await this.#parts.flusher.flush()
    return true
  }

  async close(): Promise<void> {
    await this.#growing
    if (this.#fresh !== undefined) {
      this.#parts.files.close(this.#fresh.file)
      this.#parts.files.unlink(logPath(this.#parts.directory, this.#fresh.logId))
    }
    if (this.#file !== undefined) this.#parts.files.close(this.#file)
    this.#file = undefined
  }

  /** Throws when the index could not even be committed. */
  async #flush(next: number): Promise<void> {
    const { flusher } = this.#parts
    await flusher.flush()
    if ((flusher.flushed?.next ?? 0) < next) throw new Error('Cannot write the index')
    if (this.#formerId === undefined || flusher.flushed?.logId === this.#formerId) return
    this.#parts.files.unlink(logPath(this.#parts.directory, this.#formerId))
    this.#formerId = undefined
  }

  /** A log that could not be synced is given up: the flush makes durable what it holds. */
  async #syncFile(units: number): Promise<void> {
    const file = this.#file as number
    try {
      await this.#quick.sync(file, units)
    } catch {
      this.#parts.files.close(file)
      this.#file = undefined
      await this.#flush(this.#present?.next ?? 0)
      await this.#prepareFile(this.#capacity(maxCapacityBytes))
    }
  }

  /** The log counts only when all before it is durable, too. */
  #wayOf(state: LogState): Way {
    const flushed = Math.max(state.flushed, (this.#parts.flusher.flushed?.next ?? 1) - 1)
    if (this.#file === undefined || state.unlogged > flushed) return 'flush'
    return 'log'
  }

  #newestTail(state: LogState): Pick<LogState, 'tail' | 'flushed'> {
    const flushed = this.#parts.flusher.flushed
    const isNewer = flushed !== undefined && flushed.next - 1 > state.flushed
    if (!isNewer) return { tail: state.tail, flushed: state.flushed }
    return { flushed: flushed.next - 1, tail: flushed.logId === state.logId ? flushed.end : state.tail }
  }

  #append(state: LogState, changes: Changes, unlogged: readonly LoggedFrame[]): LogState {
    if (state.logId !== this.#logId) this.#openFile(state.logId)
    const framesTotal = framesBytes(unlogged)
    const frames = framesTotal <= maxFramesBytes ? unlogged : []
    const sizeBytes = recordHeadBytes + rowsBytes(changes) + (frames.length > 0 ? framesTotal : 0)
    const sequence = state.next - 1
    if (this.#file === undefined || sizeBytes > state.capacityBytes * maxShareOfLog) {
      return { ...state, unlogged: sequence }
    }
    const start = placeAt(state, sizeBytes)
    if (start + sizeBytes - state.tail > state.capacityBytes) throw new LogFull()
    const record = encodeRecord(sequence, changes, frames, state.crc, (octets) => this.#memory(octets))
    this.#write(state, start, record.chunks, sizeBytes)
    this.#mustSyncFrames = frames.length < unlogged.length
    return { ...state, crc: record.crc, end: start + sizeBytes }
  }

  #write(state: LogState, start: number, chunks: readonly Uint8Array[], sizeBytes: number): void {
    const { files } = this.#parts
    const file = this.#file as number
    const place = start % state.capacityBytes
    if (start !== state.end) {
      // A record that was left at the end of the file must not be taken for the next one.
      const left = state.capacityBytes - (state.end % state.capacityBytes)
      files.writeSync(
        file,
        [zeros.subarray(0, Math.min(left, recordHeadBytes))],
        state.end % state.capacityBytes,
      )
    }
    this.#written = { place, sizeBytes }
    files.writeSync(file, chunks, place)
    this.#extend(file, place + sizeBytes, state.capacityBytes)
  }

  /** In its first round the file grows by zeros ahead of the records. */
  #extend(file: number, end: number, capacityBytes: number): void {
    if (end < this.#sizeBytes || this.#sizeBytes >= capacityBytes) return
    const { files, directory } = this.#parts
    // Another process may have gone ahead.
    this.#sizeBytes = files.sizeOf(logPath(directory, this.#logId)) ?? 0
    if (end < this.#sizeBytes) return
    const octets = Math.min(aheadBytes, capacityBytes - end)
    if (octets <= 0) return
    try {
      files.writeSync(file, [zeros.subarray(0, octets)], end)
      this.#sizeBytes = end + octets
    } catch {
      // No room to go ahead: the records alone then.
    }
  }

  #memory(sizeBytes: number): Buffer {
    if (this.#scratch.length < sizeBytes) this.#scratch = Buffer.allocUnsafeSlow(sizeBytes * 2)
    return this.#scratch.subarray(0, sizeBytes)
  }

  #openFile(logId: number): boolean {
    const { files, directory } = this.#parts
    const path = logPath(directory, logId)
    const sizeBytes = logId === 0 ? undefined : files.sizeOf(path)
    if (this.#file !== undefined) files.close(this.#file)
    this.#file = sizeBytes === undefined ? undefined : files.openReadWrite(path)
    this.#sizeBytes = sizeBytes ?? 0
    this.#logId = logId
    return this.#file !== undefined
  }

  #capacity(limitBytes: number): number {
    return this.#parts.capacityBytes ?? logCapacity(this.#parts.directory, limitBytes)
  }

  #count(recordBytes: number): void {
    const { flusher, capacityBytes: given } = this.#parts
    const capacityBytes = this.#present?.capacityBytes ?? 0
    flusher.committed(recordBytes, capacityBytes)
    this.#loggedBytes += recordBytes
    if (this.#loggedBytes < growAfterBytes || this.#growing !== undefined || given !== undefined) return
    const longer = this.#capacity(maxCapacityBytes)
    this.#growing = longer > capacityBytes ? this.#prepareFile(longer).catch(() => {}) : Promise.resolve()
  }

  async #prepareFile(capacityBytes: number): Promise<void> {
    this.#fresh = await makeLog(this.#parts.files, this.#parts.directory, capacityBytes)
  }

  /** This transaction is in neither log: the flush makes it durable, and the new log goes on from there. */
  #takeFresh(state: LogState): LogState {
    const { logId, capacityBytes, file, sizeBytes } = this.#fresh as FreshLog
    if (this.#file !== undefined) this.#parts.files.close(this.#file)
    if (state.logId !== 0) this.#formerId = state.logId
    this.#fresh = undefined
    this.#file = file
    this.#logId = logId
    this.#sizeBytes = sizeBytes
    return { ...state, logId, capacityBytes, crc: 0, end: 0, tail: 0, unlogged: state.next - 1 }
  }
}
