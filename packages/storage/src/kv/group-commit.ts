import { StoreError } from '../contract.ts'
import type { Environment } from './environment.ts'
import { isNoSpace, noSpace } from './no-space.ts'
import { Unit } from './unit.ts'

/** What takes part in every group's commit beside the index. */
export interface GroupParticipant {
  /**
   * Writes pending frames: once while the writer thread wakes up, once more before the first unit runs.
   * Never throws; a failed frame's unit finds out itself.
   */
  beforeGroup(): void
  /** Before the first unit runs: starts making the frames durable, beside the index commit. */
  syncGroup(): Promise<void>
  /** Inside the transaction, after the units. */
  insideGroup(unit: Unit, done: readonly Unit[]): void
  /** After the commit is durable. */
  afterGroup(units: readonly Unit[]): void
  /** `syncGroup` failed though the commit did not: takes back what depends on unsynced octets. */
  takeBackUnsynced?(unit: Unit): void
}

interface Waiting {
  readonly work: (unit: Unit) => unknown
  readonly resolve: (value: never) => void
  readonly reject: (error: unknown) => void
  /** May use the reserve of disk space. */
  readonly frees: boolean
}

interface Done {
  readonly waiting: Waiting
  readonly unit: Unit
  readonly value: unknown
}

/** Keeps one group's turn of the event loop short; the rest goes into the next. */
const maxGroupMs = 15
const maxGroupUnits = 500

/**
 * Group commit: while one commit is in flight, units of work gather; the next transaction runs them all
 * and one flush serves them all. An idle store commits at once. A group takes in what is queued until the
 * writer thread has its transaction open: on a busy event loop that is most of the group.
 */
export class GroupCommit {
  readonly #environment: Environment
  readonly #participants: readonly GroupParticipant[]
  readonly #releaseReserve: () => boolean
  #queue: Waiting[] = []
  #running: Promise<void> | undefined
  #closed = false

  constructor(
    environment: Environment,
    participants: readonly GroupParticipant[],
    releaseReserve: () => boolean = () => false,
  ) {
    this.#environment = environment
    this.#participants = participants
    this.#releaseReserve = releaseReserve
  }

  /** Runs `work` in a write transaction. Resolves when its effects are on disk. */
  run<T>(work: (unit: Unit) => T): Promise<T> {
    return this.#enqueue(work, false)
  }

  /** As `run`, for work that removes: on a full disk it may use the reserve. */
  runFreeing<T>(work: (unit: Unit) => T): Promise<T> {
    return this.#enqueue(work, true)
  }

  /** Waits for what is queued; afterwards every call fails with 'closed'. */
  async close(): Promise<void> {
    while (this.#running !== undefined) await this.#running
    this.#closed = true
  }

  #enqueue<T>(work: (unit: Unit) => T, frees: boolean): Promise<T> {
    if (this.#closed) return Promise.reject(new StoreError('closed', 'Cannot write: the store is closed'))
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({ work, resolve: resolve as (value: never) => void, reject, frees })
      this.#running ??= this.#runGroups()
    })
  }

  async #runGroups(): Promise<void> {
    // Units that are queued in the same turn share the first group.
    await undefined
    while (this.#queue.length > 0) await this.#runGroup()
    this.#running = undefined
  }

  async #runGroup(): Promise<void> {
    for (const participant of this.#participants) participant.beforeGroup()
    let group: readonly Waiting[] = []
    // Filled inside the transaction: units that ran without a fault.
    const done: Done[] = []
    let taken = 0
    let synced: Promise<unknown> | undefined
    try {
      await this.#environment.transaction(() => {
        synced = this.#startSync()
        group = this.#takeGroup()
        taken = this.#runUnits(group, done)
      })
    } catch (error) {
      await synced?.catch(() => {})
      // The transaction could not even begin: nothing was taken from the queue.
      if (synced === undefined) group = this.#takeGroup()
      await this.#failGroup(taken === 0 ? group : done.map((each) => each.waiting), error)
      this.#queue.unshift(...group.slice(taken === 0 ? group.length : taken))
      return
    }
    this.#queue.unshift(...group.slice(taken))
    try {
      await synced
    } catch (error) {
      await this.#takeBack(done, error)
      return
    }
    this.#acknowledge(done)
  }

  #startSync(): Promise<unknown> {
    for (const participant of this.#participants) participant.beforeGroup()
    const synced = Promise.all(this.#participants.map((participant) => participant.syncGroup()))
    synced.catch(() => {})
    return synced
  }

  #takeGroup(): readonly Waiting[] {
    const group = this.#queue.slice(0, maxGroupUnits)
    this.#queue = this.#queue.slice(group.length)
    return group
  }

  /** The index is committed, the octets are not on disk: what names them is removed, nothing acknowledged. */
  async #takeBack(done: readonly Done[], reason: unknown): Promise<void> {
    try {
      const unit = new Unit(this.#environment)
      for (const participant of this.#participants) participant.beforeGroup()
      await this.#environment.transaction(() => {
        for (const participant of this.#participants) participant.takeBackUnsynced?.(unit)
        const units = [...done.map((each) => each.unit), unit]
        for (const participant of this.#participants) participant.insideGroup(unit, units)
      })
      for (const participant of this.#participants) participant.afterGroup([unit])
    } finally {
      for (const { waiting } of done) waiting.reject(isNoSpace(reason) ? noSpace(reason) : reason)
    }
  }

  #runUnits(group: readonly Waiting[], done: Done[]): number {
    const startedMs = performance.now()
    let taken = 0
    for (const waiting of group) {
      if (taken > 0 && performance.now() - startedMs > maxGroupMs) break
      taken++
      const unit = new Unit(this.#environment)
      try {
        done.push({ waiting, unit, value: waiting.work(unit) })
      } catch (error) {
        unit.rollBack()
        waiting.reject(isNoSpace(error) ? noSpace(error) : error)
      }
    }
    this.#runClosing(done)
    return taken
  }

  /** When a participant fails, the transaction must not keep what will be refused. */
  #runClosing(done: readonly Done[]): void {
    const closing = new Unit(this.#environment)
    const units = done.map((each) => each.unit)
    try {
      for (const participant of this.#participants) participant.insideGroup(closing, units)
    } catch (error) {
      for (const unit of [...units, closing].reverse()) unit.rollBack()
      throw error
    }
  }

  #acknowledge(done: readonly Done[]): void {
    const units = done.map((each) => each.unit)
    for (const participant of this.#participants) participant.afterGroup(units)
    for (const { waiting, unit, value } of done) {
      unit.committed()
      if (unit.waits.length === 0) waiting.resolve(value as never)
      else
        Promise.all(unit.waits.map((wait) => wait())).then(
          () => waiting.resolve(value as never),
          waiting.reject,
        )
    }
  }

  /** Nothing of the group was committed. Work that frees space tries once more with the reserve's room. */
  async #failGroup(failed: readonly Waiting[], error: unknown): Promise<void> {
    const reason = await rootCause(error)
    const full = isNoSpace(reason)
    const mayRetry = full && failed.some((waiting) => waiting.frees) && this.#releaseReserve()
    const again: Waiting[] = []
    for (const waiting of failed) {
      if (mayRetry && waiting.frees) again.push(waiting)
      else waiting.reject(full ? noSpace(reason) : reason)
    }
    this.#queue.unshift(...again)
  }
}

/** lmdb rejects with "Commit failed (see commitError)"; the reason is in a promise beside it. */
const rootCause = async (error: unknown): Promise<unknown> => {
  const reason = (error as { commitError?: Promise<never> }).commitError
  if (reason === undefined) return error
  try {
    const settled = await Promise.race([reason, new Promise((resolve) => setTimeout(resolve, 1000))])
    return settled ?? error
  } catch (cause) {
    return cause
  }
}
