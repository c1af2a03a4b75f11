import { setImmediate } from 'node:timers'
import { StoreError } from '../contract.ts'
import { type Environment, ensureRoom } from './environment.ts'
import { GroupRows } from './group-rows.ts'
import { HeldTransaction, type HoldOptions } from './held-transaction.ts'
import { isNoSpace, refusalOf } from './no-space.ts'
import type { Spare } from './room-ahead.ts'
import { RowCache } from './row-cache.ts'
import { type Changes, Unit } from './unit.ts'

/** What takes part in every group's commit beside the index. */
export interface GroupParticipant {
  /** Writes pending frames. Never throws; a failed frame's unit finds out itself. */
  beforeGroup?(): void
  /** Inside the transaction, before the first unit. Says whether only this process has written since its last group. */
  openGroup?(): 'own' | 'unknown'
  /** Inside the transaction, after the units. What it throws undoes the group. */
  insideGroup?(unit: Unit, changes: Changes): void
  /** The transaction was not committed after all. */
  voidGroup?(): void
  /** The transaction is committed: makes it durable. 'later': it may be left to the next group that is told 'now'. */
  syncGroup?(units: number, when: 'now' | 'later'): Promise<void>
  /** Everything is durable, or left for later. */
  afterGroup?(units: readonly Unit[]): void
  /** `syncGroup` failed: takes back what depends on unsynced octets. */
  takeBackUnsynced?(unit: Unit): void
  /** A group failed: true when it may now go better. */
  relieve?(error: unknown): Promise<boolean>
}

interface Waiting {
  readonly work: (unit: Unit) => unknown
  readonly resolve: (value: never) => void
  readonly reject: (error: unknown) => void
  /** May use the reserve of disk space. */
  readonly frees: boolean
  /** Nobody is told of it before more is done. */
  readonly isPart: boolean
}

interface Done {
  readonly waiting: Waiting
  readonly unit: Unit
  readonly value: unknown
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Keeps one group's turn of the event loop short; the rest goes into the next. */
const maxGroupMs = 15
const maxGroupUnits = 500

/**
 * Group commit: while one group is being made durable, units of work gather; the next transaction runs them
 * all and one sync serves them all. An idle store commits at once. The transaction runs on the event loop: it
 * waits for no disk, and a thread of its own would cost more than it takes.
 */
export class GroupCommit {
  readonly #environment: Environment
  readonly #participants: readonly GroupParticipant[]
  readonly #releaseReserve: () => boolean
  readonly #held: HeldTransaction
  #queue: Waiting[] = []
  /** The group under way. */
  #taken: readonly Waiting[] = []
  /** Of the group under way: units that threw, and were told so; the rows that it changed. */
  #refused: Waiting[] = []
  #group: GroupRows
  readonly #rows = new RowCache()
  #wasRelieved = false
  #running: Promise<void> | undefined
  #closed = false

  constructor(
    environment: Environment,
    participants: readonly GroupParticipant[],
    releaseReserve: () => boolean = () => false,
    hold?: HoldOptions,
  ) {
    this.#held = new HeldTransaction(environment, hold)
    this.#environment = environment
    this.#group = new GroupRows(environment)
    this.#participants = participants
    this.#releaseReserve = releaseReserve
  }

  /** Runs `work` in a write transaction. Resolves when its effects are on disk. */
  run<T>(work: (unit: Unit) => T): Promise<T> {
    return this.#enqueue(work, false, false)
  }

  /** As `run`, for work that removes: on a full disk it may use the reserve. */
  runFreeing<T>(work: (unit: Unit) => T): Promise<T> {
    return this.#enqueue(work, true, false)
  }

  /**
   * As `run` or `runFreeing`, for a part of what is acknowledged as a whole: resolves when it is in force. It is on disk
   * when a `run` is that is queued later.
   */
  runPart<T>(work: (unit: Unit) => T, room: 'uses' | 'frees'): Promise<T> {
    return this.#enqueue(work, room === 'frees', true)
  }

  /** Waits for what is queued; afterwards every call fails with 'closed'. */
  async close(): Promise<void> {
    while (this.#running !== undefined) await this.#running
    this.#closed = true
    this.#held.close()
  }

  #enqueue<T>(work: (unit: Unit) => T, frees: boolean, isPart: boolean): Promise<T> {
    if (this.#closed) return Promise.reject(new StoreError('closed', 'Cannot write: the store is closed'))
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({ work, resolve: resolve as (value: never) => void, reject, frees, isPart })
      this.#running ??= this.#runGroups()
    })
  }

  async #runGroups(): Promise<void> {
    // Units that are queued in the same turn of the event loop share a group; and who was answered goes first.
    do {
      await nextTurn()
      await this.#runGroup().catch((error: unknown) => this.#refuseTaken(error))
    } while (this.#queue.length > 0)
    this.#running = undefined
  }

  /** A participant failed where it must not: who waits for this group is told so, and the next one is made. */
  #refuseTaken(error: unknown): void {
    const taken = this.#taken.length > 0 ? this.#taken : this.#takeGroup()
    for (const waiting of taken) if (!this.#queue.includes(waiting)) waiting.reject(error)
  }

  async #runGroup(): Promise<void> {
    this.#taken = []
    for (const participant of this.#participants) participant.beforeGroup?.()
    const group = this.#takeGroup()
    // Units that ran without a fault.
    const done: Done[] = []
    let taken = 0
    try {
      this.#held.run(() => {
        taken = this.#runUnits(group, done)
        return this.#group.changes.size
      })
    } catch (error) {
      for (const participant of this.#participants) participant.voidGroup?.()
      this.#rows.clear()
      const failed = taken === 0 ? group : done.map((each) => each.waiting)
      this.#queue = [...group.slice(taken === 0 ? group.length : taken), ...this.#queue]
      const open = failed.filter((each) => !this.#refused.includes(each))
      await this.#failGroup(open, error)
      return
    }
    this.#queue = [...group.slice(taken), ...this.#queue]
    this.#wasRelieved = false
    try {
      const isPart = done.length > 0 && done.every(({ waiting }) => waiting.isPart)
      await this.#sync(done.length, isPart ? 'later' : 'now')
    } catch (error) {
      await this.#takeBack(done, error)
      return
    }
    this.#acknowledge(done)
  }

  async #sync(units: number, when: 'now' | 'later'): Promise<void> {
    for (const participant of this.#participants) {
      const synced = participant.syncGroup?.(units, when)
      if (synced !== undefined) await synced
    }
  }

  #takeGroup(): readonly Waiting[] {
    const group = this.#queue.slice(0, maxGroupUnits)
    this.#queue = this.#queue.slice(group.length)
    this.#taken = group
    return group
  }

  /** The index is committed, the octets are not on disk: what names them is removed, nothing acknowledged. */
  async #takeBack(done: readonly Done[], reason: unknown): Promise<void> {
    try {
      // Together with what the group changed: none of it is in the log.
      const group = this.#group
      this.#rows.clear()
      const unit = new Unit(this.#environment, group, this.#rows)
      for (const participant of this.#participants) participant.beforeGroup?.()
      this.#held.run(() => {
        this.#open()
        for (const participant of this.#participants) participant.takeBackUnsynced?.(unit)
        for (const participant of this.#participants) participant.insideGroup?.(unit, group.changes)
        group.write()
        return group.changes.size
      })
      await this.#sync(1, 'now')
      for (const participant of this.#participants) participant.afterGroup?.([unit])
    } catch (error) {
      process.emitWarning(error instanceof Error ? error : String(error))
    } finally {
      for (const { waiting } of done) waiting.reject(refusalOf(reason))
    }
  }

  #runUnits(group: readonly Waiting[], done: Done[]): number {
    const startedMs = performance.now()
    const rows = new GroupRows(this.#environment)
    this.#group = rows
    this.#refused = []
    this.#open()
    let taken = 0
    for (const waiting of group) {
      if (taken > 0 && performance.now() - startedMs > maxGroupMs) break
      taken++
      const unit = new Unit(this.#environment, rows, this.#rows)
      try {
        done.push({ waiting, unit, value: waiting.work(unit) })
      } catch (error) {
        unit.rollBack()
        this.#refused.push(waiting)
        waiting.reject(refusalOf(error))
      }
    }
    this.#close(
      done.map((each) => each.unit),
      rows,
      done.every((each) => each.waiting.frees) ? 'freeing' : 'adding',
    )
    return taken
  }

  #open(): void {
    let known: 'own' | 'unknown' = 'unknown'
    for (const participant of this.#participants) known = participant.openGroup?.() ?? known
    if (known === 'unknown') this.#rows.clear()
  }

  /** The transaction may be shared with groups before: what a participant refuses is undone row by row. */
  #close(units: readonly Unit[], rows: GroupRows, spare: Spare): void {
    const closing = new Unit(this.#environment, rows, this.#rows)
    try {
      rows.write()
      // Before anything is logged of a group that cannot be committed.
      ensureRoom(this.#environment, spare)
      for (const participant of this.#participants) participant.insideGroup?.(closing, rows.changes)
      rows.write()
    } catch (error) {
      for (const unit of [...units, closing].reverse()) unit.rollBack()
      rows.write()
      throw error
    }
  }

  #acknowledge(done: readonly Done[]): void {
    const units = done.map((each) => each.unit)
    for (const participant of this.#participants) participant.afterGroup?.(units)
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

  /** Nothing of the group was committed. It runs again, once, where that may help. */
  async #failGroup(failed: readonly Waiting[], error: unknown): Promise<void> {
    if (!this.#wasRelieved && (await this.#relieve(error))) {
      this.#wasRelieved = true
      this.#queue = [...failed, ...this.#queue]
      return
    }
    const full = isNoSpace(error)
    const freeing = failed.filter((waiting) => waiting.frees).length
    // Among others it was refused with them.
    const mayRetry = full && freeing > 0 && (this.#releaseReserve() || freeing < failed.length)
    const again: Waiting[] = []
    for (const waiting of failed) {
      if (mayRetry && waiting.frees) again.push(waiting)
      else waiting.reject(refusalOf(error))
    }
    this.#queue = [...again, ...this.#queue]
  }

  async #relieve(error: unknown): Promise<boolean> {
    for (const participant of this.#participants) {
      try {
        if (await participant.relieve?.(error)) return true
      } catch (failure) {
        // The group is refused for its first reason; those that follow are made all the same.
        process.emitWarning(failure instanceof Error ? failure : String(failure))
      }
    }
    return false
  }
}
