import { mkdirSync, statfsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ListingMaker, LockStore, Wake } from '../contract.ts'
import type { Environment } from '../kv/environment.ts'
import { Snapshot } from '../kv/unit.ts'
import type { ListingShelf } from '../listings/listing-shelf.ts'
import type { Report } from '../report.ts'
import { readMailboxFacts } from '../rows/mailbox-row.ts'
import { CoveredMarks } from './covered-marks.ts'
import { everyMailbox, type FramesToFold, framesToFold } from './frames-to-fold.ts'
import type { TextShelf } from './text-shelf.ts'
import { livingMessages, needsCompaction, strayFiles, textAccounts } from './text-sweep.ts'
import { TextWorker } from './text-worker.ts'

export interface TextMakerParts {
  readonly environment: Environment
  readonly shelf: TextShelf
  /** Where listings are read, and who makes them. */
  readonly listings: { readonly shelf: ListingShelf; readonly maker: ListingMaker } | undefined
  readonly segmentDirectory: string
  readonly locks: LockStore
  readonly token: number
  readonly report: Report
  readonly watch: (listener: (wake: Wake) => void) => () => void
}

const lockName = 'store texts'
/** After the first change; a burst of mail passes by meanwhile. */
const startMs = 1_000
/** While mail comes in, a batch now and then; when none came for a while, one after the other. */
const busyMs = 150
const busyPauseMs = 100
/** … and no more than this share of the time: mail has both processors. */
const busyShare = 1 / 10
/** The first batch waits for its thread. */
const longestBatchMs = 200
/** After a failure, and before another process's work is taken over. */
const retryMs = 30_000
/** Text that can be made again never takes the last room on a disk. */
const minFreeBytes = 256 * 1024 * 1024
/** A mailbox whose messages were found without text is looked through again at most this often. */
const missedMs = 3_600_000

/** Makes the texts and listings of new messages after they were acknowledged: one process of all, in a thread of its own. */
export class TextMaker {
  readonly #parts: TextMakerParts
  readonly #worker: TextWorker
  readonly #marks: CoveredMarks
  readonly #dirty = new Set<number>()
  readonly #touched = new Set<number>()
  readonly #missed = new Map<number, number>()
  readonly #stop = new AbortController()
  readonly #unwatch: () => void
  #release: (() => Promise<void>) | undefined
  #timer: NodeJS.Timeout | undefined
  #running: Promise<'done' | 'later'> = Promise.resolve('done')
  #isRunning = false
  #urgent = 0
  #warned = ''
  #lastWakeMs = 0
  /** How long the last batch took. */
  #batchMs = 0

  constructor(parts: TextMakerParts) {
    this.#parts = parts
    const { directory } = parts.shelf
    const maker = parts.listings?.maker
    this.#worker = new TextWorker({
      directory,
      segmentDirectory: parts.segmentDirectory,
      listing: maker && { module: maker.module.href, version: maker.version },
    })
    this.#marks = new CoveredMarks(directory, maker?.version ?? 0)
    this.#unwatch = parts.watch((wake) => {
      if (wake.kind !== 'mailbox' || this.#stop.signal.aborted) return
      this.#lastWakeMs = performance.now()
      this.#dirty.add(wake.mailbox)
      this.#touched.add(wake.account)
      this.#soon(startMs)
    })
  }

  /** What an earlier process left undone. */
  start(): void {
    this.#soon(startMs * 5)
  }

  /** Somebody found messages without text or listing, though they should have one. */
  missed(mailbox: number): void {
    const nowMs = performance.now()
    const lastMs = this.#missed.get(mailbox)
    if (this.#dirty.has(mailbox) || (lastMs !== undefined && nowMs - lastMs < missedMs)) return
    if (this.#missed.size > 10_000) this.#missed.clear()
    this.#missed.set(mailbox, nowMs)
    this.#marks.set(mailbox, 1)
    this.#dirty.add(mailbox)
    this.#soon(startMs)
  }

  /** Resolves when every message has its text, and what is not needed any more is gone. */
  async makeAll(): Promise<void> {
    if (this.#urgent++ === 0) this.#worker.hold()
    try {
      await this.#running
      for (const { mailbox, account } of everyMailbox(new Snapshot(this.#parts.environment))) {
        this.#dirty.add(mailbox)
        this.#touched.add(account)
      }
      while ((await this.#begin()) === 'done' && this.#dirty.size > 0);
    } finally {
      if (--this.#urgent === 0) this.#worker.letGo()
    }
  }

  async stop(): Promise<void> {
    this.#unwatch()
    this.#stop.abort()
    clearTimeout(this.#timer)
    // Who waits for it may have nothing else to do: then the process would end here.
    this.#worker.hold()
    await this.#running
    await this.#worker.stop()
    if (this.#release !== undefined) this.#marks.save()
    await this.#release?.()
    this.#release = undefined
  }

  /** Once for each trouble: it is tried again and again. */
  #warn(text: string): void {
    if (this.#warned === text) return
    this.#warned = text
    this.#parts.report(`Store: texts for searching: ${text}`)
  }

  #soon(delayMs: number): void {
    if (this.#timer !== undefined || this.#isRunning || this.#stop.signal.aborted) return
    this.#timer = setTimeout(() => void this.#begin(), delayMs)
    this.#timer.unref()
  }

  #begin(): Promise<'done' | 'later'> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#isRunning) return this.#running
    this.#isRunning = true
    this.#running = this.#work()
      .catch((error: unknown) => {
        // A folder that is gone is no news: the store is going with it.
        const isGone = (error as NodeJS.ErrnoException).code === 'ENOENT'
        if (!this.#stop.signal.aborted && !isGone) this.#warn(String(error))
        return 'later' as const
      })
      .then((done) => {
        this.#isRunning = false
        if (done !== 'done') this.#soon(retryMs)
        else if (this.#dirty.size > 0) this.#soon(startMs)
        return done
      })
    return this.#running
  }

  async #work(): Promise<'done' | 'later'> {
    if (!(await this.#lead())) return 'later'
    while (this.#dirty.size > 0) {
      if (!this.#hasRoom()) return 'later'
      await this.#pace()
      const [mailbox] = this.#dirty
      await this.#advance(mailbox as number)
    }
    await this.#tidy()
    this.#marks.save()
    return 'done'
  }

  /** One process makes texts; the first time it looks for what was left undone. */
  async #lead(): Promise<boolean> {
    if (this.#release !== undefined) return true
    const { locks, token, environment, shelf } = this.#parts
    const release = await locks.acquire(lockName, String(token))
    if (release === undefined) return false
    this.#release = release
    mkdirSync(shelf.directory, { recursive: true, mode: 0o700 })
    this.#marks.load()
    let seen = 0
    for (const { mailbox, uidNext } of everyMailbox(new Snapshot(environment))) {
      if (uidNext > this.#marks.get(mailbox)) this.#dirty.add(mailbox)
      seen++
    }
    if (seen === 0) return true
    for (const account of await textAccounts(shelf.directory)) this.#touched.add(account)
    await strayFiles(shelf.directory)
    return true
  }

  #hasRoom(): boolean {
    try {
      const { bavail, bsize } = statfsSync(this.#parts.shelf.directory)
      return bavail * bsize > minFreeBytes
    } catch {
      return true
    }
  }

  async #pace(): Promise<void> {
    this.#stop.signal.throwIfAborted()
    if (this.#urgent > 0 || performance.now() - this.#lastWakeMs > busyMs) return
    const restMs = Math.max(busyPauseMs, this.#batchMs / busyShare)
    await sleep(restMs, undefined, { ref: false, signal: this.#stop.signal })
  }

  /** One batch of a mailbox. */
  async #advance(mailbox: number): Promise<void> {
    const { environment } = this.#parts
    const account = readMailboxFacts(new Snapshot(environment), mailbox)?.account
    const found = account === undefined ? undefined : await this.#lacking(account, mailbox)
    if (account === undefined || found === undefined) {
      this.#dirty.delete(mailbox)
      return
    }
    if (found.frames.length > 0) {
      const { frames } = found
      const beganMs = performance.now()
      const result = await this.#worker.run({ kind: 'make', account, frames })
      this.#batchMs = Math.min(performance.now() - beganMs, longestBatchMs)
      if ('error' in result) {
        // Full, or unreadable: tried again later. Anything else would fail again: these are searched directly.
        if (result.code !== '') throw new Error(result.error)
        this.#warn(result.error)
      }
    } else await sleep(0, undefined, { ref: this.#urgent > 0, signal: this.#stop.signal })
    this.#marks.set(mailbox, found.nextUid)
  }

  async #lacking(account: number, mailbox: number): Promise<FramesToFold | undefined> {
    const { environment, shelf, listings } = this.#parts
    let index = await listings?.shelf.of(account)
    if (index?.isDamaged) {
      index.release()
      index = undefined
      await this.#worker.run({ kind: 'remove-listings', account })
    }
    try {
      await shelf.prepare(account)
      const kept = {
        texts: shelf.of(account),
        listings: listings === undefined ? 'not made' : index,
      } as const
      return framesToFold(new Snapshot(environment), kept, mailbox, this.#marks.get(mailbox))
    } finally {
      index?.release()
    }
  }

  /** Drops what belongs to messages that are gone, when they are many. */
  async #tidy(): Promise<void> {
    const { environment, shelf } = this.#parts
    for (const account of this.#touched) {
      this.#touched.delete(account)
      this.#stop.signal.throwIfAborted()
      const needed = needsCompaction(new Snapshot(environment), shelf.directory, account)
      if (needed === undefined) continue
      if (needed === 'remove') await this.#worker.run({ kind: 'remove', account })
      else {
        const living = await livingMessages(environment, account)
        await this.#worker.run({ kind: 'compact', account, living, ...needed })
      }
    }
  }
}
