import { mkdirSync, statfsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ListingMaker, LockStore, Wake } from '../contract.ts'
import type { Environment } from '../kv/environment.ts'
import { Snapshot } from '../kv/unit.ts'
import type { ListingShelf } from '../listings/listing-shelf.ts'
import type { Report } from '../report.ts'
import { readMailboxFacts } from '../rows/mailbox-row.ts'
import { CoveredMarks } from './covered-marks.ts'
import { everyMailbox } from './every-mailbox.ts'
import { type FramesToFold, framesToFold } from './frames-to-fold.ts'
import { MailPace } from './mail-pace.ts'
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
/** … as long as the thread is there. */
const againMs = 200
/** After a failure, and before another process's work is taken over. */
const retryMs = 30_000
/** Others may have had their turns meanwhile. */
const longestLookMs = 10
/** Text that can be made again never takes the last room on a disk. */
const minFreeBytes = 256 * 1024 * 1024
/** A mailbox whose messages were found without text is looked through again at most this often. */
const missedMs = 3_600_000

type Makes = 'both' | 'listing'

/** Makes the texts and listings of new messages after they were acknowledged: one process of all, in a thread of its own. */
export class TextMaker {
  readonly #parts: TextMakerParts
  readonly #worker: TextWorker
  readonly #marks: CoveredMarks
  readonly #pace = new MailPace()
  /** Mailboxes that may lack something … */
  readonly #dirty = new Set<number>()
  /** … those of them that may lack listings, which are made first: clients list before they search … */
  readonly #unlisted = new Set<number>()
  /** … and how far they have them, where that is further than the mark. */
  readonly #listedTo = new Map<number, number>()
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
  /** While mail comes in there is always something to list: texts have their turn in between. */
  #listedNow = false
  /** Somebody looks at this mailbox: it goes before others. */
  #first: number | undefined

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
      this.#pace.mail()
      this.#add(wake.mailbox)
      this.#touched.add(wake.account)
      this.#soon(this.#worker.isThere ? againMs : startMs)
    })
  }

  /** What an earlier process left undone. */
  start(): void {
    this.#soon(startMs * 5)
  }

  /** Somebody found messages without text or listing, though they should have one. */
  missed(mailbox: number): void {
    this.#first = mailbox
    const nowMs = performance.now()
    const lastMs = this.#missed.get(mailbox)
    if (this.#dirty.has(mailbox) || (lastMs !== undefined && nowMs - lastMs < missedMs)) return
    if (this.#missed.size > 10_000) this.#missed.clear()
    this.#missed.set(mailbox, nowMs)
    this.#marks.set(mailbox, 1)
    this.#listedTo.delete(mailbox)
    this.#add(mailbox)
    this.#soon(startMs)
  }

  #add(mailbox: number): void {
    this.#dirty.add(mailbox)
    if (this.#parts.listings !== undefined) this.#unlisted.add(mailbox)
  }

  /** Resolves when every message has its text, and what is not needed any more is gone. */
  async makeAll(): Promise<void> {
    if (this.#urgent++ === 0) this.#worker.hold()
    try {
      await this.#running
      const { environment } = this.#parts
      for await (const page of everyMailbox(environment, this.#stop.signal))
        for (const { id } of page) {
          this.#add(id)
          const facts = readMailboxFacts(new Snapshot(environment), id)
          if (facts !== undefined) this.#touched.add(facts.account)
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
        else if (this.#dirty.size > 0) this.#soon(againMs)
        return done
      })
    return this.#running
  }

  async #work(): Promise<'done' | 'later'> {
    if (!(await this.#lead())) return 'later'
    while (this.#dirty.size > 0) {
      if (!this.#hasRoom()) return 'later'
      this.#stop.signal.throwIfAborted()
      if (this.#urgent === 0) await this.#pace.rest(this.#stop.signal)
      const unlisted = this.#listedNow ? undefined : this.#next(this.#unlisted)
      if (unlisted !== undefined) await this.#list(unlisted)
      else await this.#advance(this.#next(this.#dirty) as number)
    }
    await this.#tidy()
    this.#marks.saveNowAndThen()
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
    for await (const page of everyMailbox(environment, this.#stop.signal)) {
      for (const { id, state } of page) if (state.uidNext > this.#marks.get(id)) this.#add(id)
      seen += page.length
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

  #next(mailboxes: ReadonlySet<number>): number | undefined {
    if (this.#first !== undefined && mailboxes.has(this.#first)) return this.#first
    const [mailbox] = mailboxes
    return mailbox
  }

  /** One batch of a mailbox's listings. */
  async #list(mailbox: number): Promise<void> {
    const fromUid = Math.max(this.#marks.get(mailbox), this.#listedTo.get(mailbox) ?? 1)
    const found = await this.#make(mailbox, 'listing', fromUid)
    if (found !== undefined) this.#listedTo.set(mailbox, found.nextUid)
    if (found !== undefined && !found.isLast) return
    this.#unlisted.delete(mailbox)
    this.#listedNow = this.#unlisted.size === 0
  }

  /** One batch of whatever a mailbox lacks. */
  async #advance(mailbox: number): Promise<void> {
    this.#listedNow = false
    const found = await this.#make(mailbox, 'both', this.#marks.get(mailbox))
    if (found !== undefined) this.#marks.set(mailbox, found.nextUid)
    else {
      this.#dirty.delete(mailbox)
      this.#listedTo.delete(mailbox)
    }
  }

  /** undefined: there is nothing more. */
  async #make(mailbox: number, makes: Makes, fromUid: number): Promise<FramesToFold | undefined> {
    const beganMs = performance.now()
    const account = readMailboxFacts(new Snapshot(this.#parts.environment), mailbox)?.account
    const found = account === undefined ? undefined : await this.#lacking(account, mailbox, makes, fromUid)
    if (account === undefined || found === undefined) return undefined
    const { frames } = found
    this.#pace.spent(Math.min(performance.now() - beganMs, longestLookMs))
    if (frames.length > 0) {
      const result = await this.#worker.run({ kind: 'make', account, frames })
      if ('error' in result) {
        // Full, or unreadable: tried again later. Anything else would fail again: these are searched directly.
        if (result.code !== '') throw new Error(result.error)
        this.#warn(result.error)
      } else this.#pace.batch(result.cpuMs, result.waitedMs)
    } else await sleep(0, undefined, { ref: this.#urgent > 0, signal: this.#stop.signal })
    return found
  }

  async #lacking(
    account: number,
    mailbox: number,
    makes: Makes,
    fromUid: number,
  ): Promise<FramesToFold | undefined> {
    const { environment, shelf, listings } = this.#parts
    let index = await listings?.shelf.of(account)
    if (index?.isDamaged) {
      index.release()
      index = undefined
      await this.#worker.run({ kind: 'remove-listings', account })
    }
    try {
      if (makes === 'both') await shelf.prepare(account)
      const kept = {
        texts: makes === 'both' ? shelf.of(account) : 'not made',
        listings: listings === undefined ? 'not made' : index,
      } as const
      return framesToFold(new Snapshot(environment), kept, mailbox, fromUid, this.#pace.traffic)
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
