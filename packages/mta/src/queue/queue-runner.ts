import type { Log } from '@posthorn/mail'
import type { LeaseTerms, NewQueueEntry, NewRecipient, QueueEntry, Store } from '@posthorn/storage'
import { Reporter, type ReportFilter } from '../bounce/report.ts'
import type { DeliveryAgent, ResolveRecipient } from '../delivery/attempt.ts'
import { ClaimedWork } from './claimed-work.ts'
import { Deliverer } from './deliverer.ts'
import { Destinations, destinationKey } from './destinations.ts'
import { type DirectDelivery, type DirectOffer, directRoutes } from './direct-delivery.ts'
import { Early, type EarlyOutcome, earlyJob } from './early-delivery.ts'
import { jobsOf, QueuedMessage } from './job.ts'
import { type LeaseCohort, LeaseCohorts } from './lease-cohorts.ts'
import type { QueueOptions } from './options.ts'
import { OutcomeRecorder } from './outcome.ts'
import { SharedPlaces } from './shared-places.ts'

export interface QueueRunnerInput {
  readonly store: Pick<Store, 'queue' | 'messages' | 'watch'> & Partial<Pick<Store, 'locks'>>
  /** By transport; those of `local` and `virtual` mailboxes included. Asked at each delivery. */
  readonly agents: { get(transport: string): DeliveryAgent | undefined }
  readonly resolve: ResolveRecipient
  readonly log: Log
  /** Names this worker among those that share the store; new at each start. */
  readonly owner: string
  readonly options: () => QueueOptions
  readonly now?: () => number
  /** ms of a clock that never jumps, the same in all processes of this machine: leases end by it. Default: by `now`. */
  readonly steadyNow?: () => number
  readonly random?: () => number
  readonly filterReport?: ReportFilter
}

export interface QueueRunner extends DirectDelivery {
  start(): void
  /** Looks for due mail now (`postqueue -f`); next hops found dead are tried again. */
  flush(): void
  /** Ends running attempts after `graceMs`, gives claims back. */
  stop(graceMs?: number): Promise<void>
  /** Attempts under way. */
  readonly active: number
}

export const createQueueRunner = (input: QueueRunnerInput): QueueRunner => new Runner(input)

/** Messages in memory, as a multiple of the deliveries at a time. */
const maxWaiting = 10

/** Mail whose time is no further away for that waits. */
const longSetBackMs = 600_000

/** Timers longer than this overflow in Node. */
const longestTimerMs = 2 ** 31 - 1

/** Postfix's qmgr: takes due mail from the store, hands it to agents, writes down what came of it. */
class Runner implements QueueRunner {
  readonly #input: QueueRunnerInput
  readonly #now: () => number
  readonly #recorder: OutcomeRecorder
  readonly #deliverer: Deliverer
  readonly #claimedWork: ClaimedWork
  readonly #destinations: Destinations
  readonly #running = new Set<Promise<void>>()
  readonly #cohorts = new LeaseCohorts()
  #timer: NodeJS.Timeout | undefined
  #unwatch: (() => void) | undefined
  #state: 'new' | 'started' | 'stopped' = 'new'
  #looking: Promise<void> | undefined
  #again = false
  /** Of the clock against one that never jumps, as of the last look. */
  #clockOffsetMs: number | undefined
  /** Messages that are being accepted with a place here. */
  #offered = 0
  /** There may be due mail for which there was no room. */
  #isBehind = false
  /** Next hops of which mail waits in the queue: what comes in may not pass it by. */
  #behind: ReadonlySet<string> = new Set()

  constructor(input: QueueRunnerInput) {
    this.#input = input
    this.#now = input.now ?? Date.now
    const random = input.random ?? Math.random
    const { store, resolve, log, options } = input
    const places = store.locks === undefined ? undefined : new SharedPlaces(store.locks, input.owner)
    this.#destinations = new Destinations(() => this.#look(), places)
    const reporter = new Reporter({ store, resolve, options, now: this.#now, filter: input.filterReport })
    this.#recorder = new OutcomeRecorder({ store, reporter, log, options, now: this.#now, random })
    const { agents } = input
    this.#deliverer = new Deliverer({
      agents,
      destinations: this.#destinations,
      options,
      log,
      now: this.#now,
    })
    const { queue } = store
    const [deliverer, recorder, destinations] = [this.#deliverer, this.#recorder, this.#destinations]
    this.#claimedWork = new ClaimedWork({
      queue,
      deliverer,
      recorder,
      destinations,
      options,
      log,
      now: this.#now,
    })
  }

  get active(): number {
    return this.#running.size
  }

  start(): void {
    if (this.#state !== 'new') return
    this.#state = 'started'
    this.#unwatch = this.#input.store.watch((wake) => {
      if (wake.kind !== 'queue') return
      if (wake.flushed !== undefined) this.#destinations.forgetDead(wake.flushed)
      this.#look()
    })
    this.#freeOrphans()
    this.#look()
  }

  /** A predecessor that was killed had claims: nobody else will give them back before their lease ends. */
  #freeOrphans(): void {
    this.#input.store.queue
      .releaseDead(this.#now())
      .catch((error) => this.#fault('Cannot free claims', error))
  }

  flush(): void {
    this.#destinations.forgetDead()
    this.#look()
  }

  async stop(graceMs = 10_000): Promise<void> {
    if (this.#state === 'stopped') return
    const started = this.#state === 'started'
    this.#state = 'stopped'
    this.#unwatch?.()
    clearTimeout(this.#timer)
    if (!started) return
    await this.#looking
    const over = Promise.allSettled([...this.#running])
    const grace = new Promise((resolve) => setTimeout(resolve, graceMs).unref())
    await Promise.race([over, grace])
    this.#cohorts.abortAll()
    await Promise.race([over, new Promise((resolve) => setTimeout(resolve, 5000).unref())])
    await this.#input.store.queue.release(this.#input.owner)
  }

  #look(): void {
    if (this.#state !== 'started') return
    if (this.#looking !== undefined) {
      this.#again = true
      return
    }
    this.#looking = this.#claim()
      .catch((error) => this.#fault('Cannot read the queue', error))
      .finally(() => {
        this.#looking = undefined
        if (this.#again) {
          this.#again = false
          this.#look()
        }
      })
  }

  async #claim(): Promise<void> {
    const { store, options } = this.#input
    if (this.#wasSetBack()) {
      this.#destinations.forgetDead()
      await store.queue.flush({ nowMs: this.#now() })
    }
    let except: readonly string[] = []
    let exceptTransports: readonly string[] = []
    for (;;) {
      const { deliveries, leaseMs } = options()
      const room = deliveries - this.#placesTaken
      this.#isBehind = room <= 0
      if (room <= 0 || this.#state !== 'started') return
      const nowMs = this.#now()
      except = this.#destinations.full()
      exceptTransports = this.#destinations.fullTransports()
      // Recipients, of which a message may have many.
      const limit = Math.min(room * 2, 200)
      const terms = this.#lease(nowMs, leaseMs)
      const entries = await store.queue.claimDue({ ...terms, limit, except, exceptTransports })
      if (entries.length === 0) break
      for (const entry of entries) this.#begin(entry, nowMs)
    }
    const dueMs = await store.queue.nextDueMs()
    this.#isBehind = dueMs !== undefined && dueMs <= this.#now()
    this.#behind = this.#isBehind ? new Set(except) : new Set()
    this.#sleep(dueMs, except.length + exceptTransports.length > 0 ? 'passed over' : 'all taken')
  }

  /** What was deferred by a clock that was ahead would wait until that time comes again: for years, perhaps. */
  #wasSetBack(): boolean {
    const { steadyNow } = this.#input
    if (steadyNow === undefined) return false
    const before = this.#clockOffsetMs
    this.#clockOffsetMs = this.#now() - steadyNow()
    return before !== undefined && this.#clockOffsetMs < before - longSetBackMs
  }

  offer(recipients: readonly NewRecipient[]): DirectOffer | undefined {
    if (this.#state !== 'started') return undefined
    const { options } = this.#input
    const { deliveries, deferTransports, earlyDelivery, leaseMs, limitsOf } = options()
    if (this.#placesTaken + this.#offered >= deliveries) return undefined
    const nowMs = this.#now()
    const routes = directRoutes(recipients, nowMs)
    const mayGo = routes.every((route) => {
      const { transport, nextHop } = route
      const cohorts = this.#behind.has(nextHop) ? 1 : 2
      const limits = limitsOf(transport)
      const destination = destinationKey(route)
      const hasRoom =
        this.#destinations.hasRoom(destination, limits, nowMs, cohorts) ||
        (cohorts > 1 && this.#destinations.isQuick(destination, limits))
      return hasRoom && !deferTransports.includes(transport)
    })
    if (routes.length === 0 || !mayGo) return undefined
    this.#offered++
    let early: Early | undefined
    return {
      ...this.#lease(nowMs, leaseMs),
      early: (entry, octets) => {
        const isBehind = routes.some(({ nextHop }) => this.#behind.has(nextHop))
        if (earlyDelivery === 'yes' && !isBehind) early = this.#beginEarly(entry, octets, nowMs)
        return early
      },
      begin: (entry, octets) => {
        this.#offered--
        if (early !== undefined) this.#goOn(early, nowMs)
        else if (this.#state === 'started') this.#begin(entry, nowMs, octets)
        else this.#giveBack()
      },
      withdraw: () => {
        this.#offered--
      },
    }
  }

  #lease(nowMs: number, leaseMs: number): LeaseTerms {
    const { owner, steadyNow } = this.#input
    const terms = { owner, nowMs, leaseUntilMs: nowMs + leaseMs }
    return steadyNow === undefined ? terms : { ...terms, steadyMs: steadyNow() }
  }

  #beginEarly(entry: NewQueueEntry, octets: readonly Uint8Array[], claimedMs: number): Early | undefined {
    const { limitsOf } = this.#input.options()
    const cohort = this.#joinCohort()
    const input = { deliverer: this.#deliverer, destinations: this.#destinations, limitsOf, cohort }
    const found = earlyJob(entry, octets, input)
    if (found === undefined) {
      cohort.leave()
      return undefined
    }
    const conclude = ({ job, attempts, startedMs }: EarlyOutcome): void => {
      this.#offered--
      this.#recorder.recordSent(job, attempts, { service: job.transport, claimedMs, startedMs })
    }
    const early = new Early(found.job, found.message, { ...input, now: this.#now, conclude })
    this.#track(early.over.then(cohort.leave))
    return early
  }

  /** It is on disk now, whatever the other server says. */
  #goOn({ over, entry }: Early, claimedMs: number): void {
    const recorded = over.then(({ job, attempts, startedMs }) =>
      this.#recorder.record(job, attempts, { service: job.transport, claimedMs, startedMs }),
    )
    this.#track(recorded.catch((error) => this.#fault(`Cannot deliver ${entry.queueId}`, error)))
  }

  #joinCohort(): LeaseCohort {
    const { leaseMs } = this.#input.options()
    return this.#cohorts.join(Math.max(leaseMs - 60_000, leaseMs / 2))
  }

  /** Counts among the deliveries until it is over. */
  #track(delivery: Promise<void>): void {
    const work = delivery.finally(() => {
      this.#running.delete(work)
      if (this.#isBehind) this.#look()
    })
    this.#running.add(work)
  }

  /** Accepted while we stopped. */
  #giveBack(): void {
    const { store, owner } = this.#input
    store.queue.release(owner).catch((error) => this.#fault('Cannot free claims', error))
  }

  /**
   * Who waits for a slow destination holds up nobody else. A message may wait at several, and there is an end to
   * what is in memory.
   */
  get #placesTaken(): number {
    const { deliveries } = this.#input.options()
    const busy = Math.max(this.#running.size - this.#destinations.waiting, 0)
    return this.#running.size >= maxWaiting * deliveries ? deliveries : busy
  }

  /** What is due but passed over wakes us when a delivery ends, or a destination has rested. */
  #sleep(dueMs: number | undefined, left: 'passed over' | 'all taken'): void {
    clearTimeout(this.#timer)
    if (this.#state !== 'started') return
    const { queueRunDelayMs } = this.#input.options()
    const nowMs = this.#now()
    const wait = dueMs === undefined ? queueRunDelayMs : Math.min(Math.max(dueMs - nowMs, 0), queueRunDelayMs)
    const busy = wait === 0 && (this.#running.size > 0 || left === 'passed over')
    this.#timer = setTimeout(
      () => this.#look(),
      Math.min(busy ? queueRunDelayMs : Math.max(wait, 20), longestTimerMs),
    )
    this.#timer.unref()
  }

  #begin(entry: QueueEntry, claimedMs: number, octets?: readonly Uint8Array[] | undefined): void {
    const { limitsOf } = this.#input.options()
    const cohort = this.#joinCohort()
    const message = new QueuedMessage(this.#input.store.queue, entry, octets)
    const jobs = jobsOf(entry, message, (transport) => limitsOf(transport).recipients, cohort.signal)
    const work = this.#claimedWork
      .run(entry, message, jobs, claimedMs)
      .catch((error) => this.#fault(`Cannot deliver ${entry.queueId}`, error))
      .finally(() => cohort.leave())
    this.#track(work)
  }

  #fault(text: string, error: unknown): void {
    this.#input.log({ level: 'error', service: 'qmgr', text, error })
  }
}
