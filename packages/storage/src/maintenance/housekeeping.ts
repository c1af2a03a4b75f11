import { join } from 'node:path'
import type { BackupReport, CheckReport, CompactReport, LockStore } from '../contract.ts'
import { StoreError } from '../contract.ts'
import type { Engine } from '../engine.ts'
import { writeCheckpoint } from '../journal/checkpoint.ts'
import type { Journal } from '../journal/journal.ts'
import { settle } from '../kv/environment.ts'
import { isNoSpace } from '../kv/no-space.ts'
import type { IndexFlusher } from '../log/index-flusher.ts'
import type { ProcessMarkers } from '../recovery/process-markers.ts'
import type { Report } from '../report.ts'
import type { Reserve } from '../reserve.ts'
import type { SegmentWriter } from '../segments/segment-writer.ts'
import { checkTexts } from '../texts/check-texts.ts'
import { textsName } from '../texts/text-record.ts'
import { type BackupPlace, backupStore, indexName } from './backup.ts'
import { checkStore } from './check.ts'
import { checkJournal } from './check-journal.ts'
import { checkRoom, type Room } from './check-room.ts'
import { compactSegments } from './compact.ts'
import { removeUnnamed } from './remove-unnamed.ts'
import { askOthersToSeal, sealOwnWhenAsked, sealOwnWhenSparse } from './seal-sparse.ts'

export interface HousekeepingParts extends BackupPlace {
  readonly engine: Engine
  readonly writer: SegmentWriter
  readonly segmentDirectory: string
  readonly journal: Journal
  readonly journalDirectory: string
  readonly markers: ProcessMarkers
  readonly locks: LockStore
  readonly reserve: Reserve
  readonly flusher: IndexFlusher
  readonly report: Report
}

const everyMs = 60_000
const lookWhetherAskedMs = 1_000
/** With less dead, an open segment is left until it is full, or somebody asks for it. */
const leastDeadBytes = 4 * 1024 * 1024
const lockName = 'store housekeeping'
const lockRetryMs = 200

/** What goes on beside mail; one process at a time does each of it. */
export class Housekeeping {
  readonly #parts: HousekeepingParts
  #timers: readonly NodeJS.Timeout[] = []
  #running: Promise<unknown> = Promise.resolve()
  #stopped = false
  readonly #checks = new Set<Promise<unknown>>()

  constructor(parts: HousekeepingParts) {
    this.#parts = parts
  }

  start(): void {
    this.#timers = [
      setInterval(() => void this.#round(), everyMs),
      setInterval(() => void this.#try(() => sealOwnWhenAsked(this.#parts)), lookWhetherAskedMs),
    ]
    for (const timer of this.#timers) timer.unref()
  }

  /** Waits for what is under way. */
  async stop(): Promise<void> {
    this.#stopped = true
    for (const timer of this.#timers) clearInterval(timer)
    await this.#running.catch(() => {})
    await Promise.allSettled(this.#checks)
  }

  async check(): Promise<CheckReport> {
    const { environment, files, segmentDirectory, directory } = this.#parts
    const checking = checkStore({ environment, files, segmentDirectory }, () => this.#mayGoOn())
    this.#checks.add(checking)
    const report = await checking.finally(() => this.#checks.delete(checking))
    const room = await this.#checkRoom()
    const journal = await this.#checkJournal()
    return {
      ...report,
      problems: [...room.problems, ...journal.problems, ...report.problems],
      notes: [...room.notes, ...journal.notes],
      texts: await checkTexts(join(directory, textsName)),
    }
  }

  #checkRoom(): Promise<Room> {
    const { environment, files, segmentDirectory, directory } = this.#parts
    const place = { environment, files, segmentDirectory, indexPath: join(directory, indexName) }
    const checking = checkRoom(place, () => this.#mayGoOn())
    this.#checks.add(checking)
    return checking.finally(() => this.#checks.delete(checking))
  }

  /** What a rebuild would miss is written anew. */
  async #checkJournal(): Promise<Room> {
    const { journal, journalDirectory } = this.#parts
    const look = () => checkJournal(journalDirectory, () => this.#mayGoOn())
    // What cannot be written now is tried again, and told of, by the journal.
    await journal.flush().catch(() => {})
    const found = await look()
    if (found.length === 0) return { problems: [], notes: [] }
    try {
      await this.checkpoint()
    } catch (error) {
      this.#mayGoOn()
      return { problems: [...found, `The journal cannot be written anew: ${String(error)}`], notes: [] }
    }
    return { problems: await look(), notes: found.map((line) => `${line}; all of it was written anew`) }
  }

  #mayGoOn(): void {
    if (this.#stopped) throw new StoreError('closed', 'Cannot go on: the store is closing')
  }

  /** What is dead in open segments, too. */
  compact(): Promise<CompactReport> {
    return this.#alone(async () => {
      await sealOwnWhenSparse(this.#parts, 0)
      await askOthersToSeal(this.#parts)
      return this.#emptySparse()
    })
  }

  async #emptySparse(): Promise<CompactReport> {
    const { engine, writer, files, segmentDirectory, reserve } = this.#parts
    const run = () => compactSegments({ engine, writer, files, directory: segmentDirectory })
    await engine.unfinished.idle()
    await removeUnnamed({ engine, files, segmentDirectory }, () => this.#mayGoOn())
    return run().catch((error) => {
      // Copies need room before they make room.
      if (!isNoSpace(error) || !reserve.release()) throw error
      return run()
    })
  }

  backup(directory: string): Promise<BackupReport> {
    return this.#alone(async () => {
      // The copy is made by another thread, of what is committed.
      settle(this.#parts.environment)
      return backupStore(this.#parts, directory)
    })
  }

  /** Also forgets the markers of processes that ended without closing the store. */
  async checkpoint(dead: readonly number[] = []): Promise<void> {
    await this.#alone(async () => {
      const { environment, journalDirectory, files, engine, journal, markers } = this.#parts
      await journal.startNewFile()
      const activeOwners = new Set(markers.living().map(({ token }) => token))
      const ownPath = journal.currentPath
      await writeCheckpoint({
        environment,
        directory: journalDirectory,
        files,
        self: engine.self,
        makeDurable: () => engine.flushIndex(),
        activeOwners,
        ownPath,
      })
      for (const token of dead) markers.remove(token)
    })
  }

  checkpointSoon(): void {
    if (this.#stopped) return
    this.checkpoint().catch(this.#parts.report)
  }

  /** One that fails (no file handle left, say) keeps none of the others from its turn. */
  async #round(): Promise<void> {
    const { engine, reserve, environment, flusher, markers } = this.#parts
    const chores: readonly (() => unknown)[] = [
      () => engine.segments.dropUnlinked(),
      () => reserve.keep(),
      // Readers of killed processes would pin pages for ever.
      () => environment.readerCheck(),
      // What they said of the index, this process has said again since.
      () => flusher.forgetOthers((owner) => markers.isLiving(owner)),
      () => engine.unfinished.takeUp(),
      () => sealOwnWhenSparse(this.#parts, leastDeadBytes),
      () => this.#alone(() => this.#emptySparse()),
    ]
    for (const chore of chores) await this.#try(chore)
  }

  async #try(chore: () => unknown): Promise<void> {
    if (this.#stopped) return
    try {
      await chore()
    } catch (error) {
      if (!this.#stopped) this.#parts.report(error)
    }
  }

  /** Compaction, checkpoints and backups keep out of each other's way, in all processes. */
  async #alone<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#running.catch(() => {}).then(() => this.#locked(work))
    this.#running = done
    return done
  }

  async #locked<T>(work: () => Promise<T>): Promise<T> {
    const release = await this.#acquire()
    try {
      return await work()
    } finally {
      await release()
    }
  }

  async #acquire(): Promise<() => Promise<void>> {
    for (;;) {
      this.#mayGoOn()
      const release = await this.#parts.locks.acquire(lockName, String(this.#parts.engine.self.token))
      if (release) return release
      await new Promise((resolve) => setTimeout(resolve, lockRetryMs))
    }
  }
}
