import type { Wake } from '../contract.ts'
import {
  countKeys,
  type Entry,
  type Environment,
  peekValue,
  type RangeLimits,
  readRange,
  readRangeBackwards,
  readValue,
  requireOpen,
} from './environment.ts'
import { GroupRows } from './group-rows.ts'
import { keyAfter } from './keys.ts'
import { RowCache } from './row-cache.ts'

/** What the read side of a unit and a plain snapshot have in common. */
export interface Reader {
  get(key: Buffer): Buffer | undefined
  range(limits: RangeLimits): Iterable<Entry>
  rangeBackwards(limits: RangeLimits): Iterable<Entry>
  /** How many keys begin so. */
  count(prefix: Buffer): number
  /** What the rows say that are given again and again. */
  readonly parsed?: WeakMap<Buffer, unknown>
  /** As `get`, valid until the next read of any row: of a reader that keeps none. */
  peek?(key: Buffer): Buffer | undefined
}

/** Largest value that LMDB keeps inside a page of 4 KB; longer ones make mass deletion ruinous. */
export const maxValueBytes = 1900

/** What a group's transaction changed: keys (latin1) with the rows' last values, null = removed. */
export type Changes = Map<string, Buffer | null>

/**
 * One unit of work inside a group's write transaction: check, then write. It sees its own writes. When
 * it throws, what it wrote is put back, and the other units of the group go on.
 */
export class Unit implements Reader {
  readonly #environment: Environment
  readonly #undo: Undo[] = []
  readonly #afterwards: (() => void)[] = []
  readonly #waits: (() => Promise<unknown>)[] = []
  readonly wakes: Wake[] = []
  readonly #group: GroupRows
  readonly #rows: RowCache

  constructor(environment: Environment, group = new GroupRows(environment), rows = new RowCache()) {
    this.#environment = environment
    this.#group = group
    this.#rows = rows
  }

  get parsed(): WeakMap<Buffer, unknown> {
    return this.#rows.parsed
  }

  /** Not to be changed: the next one who asks gets the same octets. */
  get(key: Buffer): Buffer | undefined {
    return this.#read(nameOf(key), key)
  }

  #read(name: string, key: Buffer): Buffer | undefined {
    const known = this.#rows.get(name)
    if (known !== undefined) return known ?? undefined
    const changed = this.#group.changes.get(name)
    if (changed !== undefined) return changed ?? undefined
    // The cache makes the copy.
    const value = peekValue(this.#environment, key)
    if (value !== undefined) return this.#rows.set(name, value)
    this.#rows.set(name, null)
    return undefined
  }

  range(limits: RangeLimits): Iterable<Entry> {
    this.#group.write()
    return readRange(this.#environment, limits)
  }

  rangeBackwards(limits: RangeLimits): Iterable<Entry> {
    this.#group.write()
    return readRangeBackwards(this.#environment, limits)
  }

  count(prefix: Buffer): number {
    this.#group.write()
    return countKeys(this.#environment, prefix, keyAfter(prefix))
  }

  /** As `get`, for one of many rows that are read once: those that are read again and again keep their room. */
  getOnce(key: Buffer): Buffer | undefined {
    const name = nameOf(key)
    let known = this.#rows.get(name)
    if (known === undefined) known = this.#group.changes.get(name)
    return known === undefined ? readValue(this.#environment, key) : (known ?? undefined)
  }

  put(key: Buffer, value: Buffer): void {
    const name = nameOf(key)
    this.#change(name, key, value, this.#read(name, key))
  }

  /** `put` for a caller that just read the row: saves reading it again. */
  replace(key: Buffer, value: Buffer, former: Buffer | undefined): void {
    this.#change(nameOf(key), key, value, former)
  }

  remove(key: Buffer): void {
    const name = nameOf(key)
    const value = this.#read(name, key)
    if (value !== undefined) this.#change(name, key, null, value)
  }

  /** `remove` for a caller that just read the row. */
  drop(key: Buffer, former: Buffer): void {
    this.#change(nameOf(key), key, null, former)
  }

  #change(name: string, key: Buffer, value: Buffer | null, former: Buffer | undefined): void {
    if (value !== null && value.length > maxValueBytes)
      throw new RangeError(`Value of ${value.length} octets is too long`)
    this.#undo.push({ name, key, value: former })
    this.#write(name, key, value)
  }

  wake(wake: Wake): void {
    this.wakes.push(wake)
  }

  /** Runs after the commit, in order. */
  afterCommit(action: () => void): void {
    this.#afterwards.push(action)
  }

  /** Something that must be durable, too, before this unit is acknowledged. */
  alsoAwait(wait: () => Promise<unknown>): void {
    this.#waits.push(wait)
  }

  get waits(): readonly (() => Promise<unknown>)[] {
    return this.#waits
  }

  committed(): void {
    for (const action of this.#afterwards) action()
  }

  /** Puts back what was there before. */
  rollBack(): void {
    for (let at = this.#undo.length - 1; at >= 0; at--) {
      const { name, key, value } = this.#undo[at] as Undo
      this.#write(name, key, value ?? null)
    }
    this.#undo.length = 0
  }

  #write(name: string, key: Buffer, value: Buffer | null): void {
    this.#group.set(name, key, value)
    this.#rows.update(name, value)
  }
}

interface Undo {
  readonly name: string
  readonly key: Buffer
  readonly value: Buffer | undefined
}

const nameOf = (key: Buffer): string => key.toString('latin1')

/** The committed state as of now. Valid within the current turn of the event loop only. Throws 'closed'. */
export class Snapshot implements Reader {
  readonly #environment: Environment

  constructor(environment: Environment) {
    this.#environment = environment
    requireOpen(environment)
    environment.resetReadTxn()
  }

  get(key: Buffer): Buffer | undefined {
    return readValue(this.#environment, key)
  }

  /** The first octets of a value. */
  getHead(key: Buffer, maxBytes: number): Buffer | undefined {
    return readValue(this.#environment, key, maxBytes)
  }

  /** A value where LMDB's binding puts each of them: valid until the next read of any row. */
  peek(key: Buffer): Buffer | undefined {
    return peekValue(this.#environment, key)
  }

  range(limits: RangeLimits): Iterable<Entry> {
    return readRange(this.#environment, limits)
  }

  rangeBackwards(limits: RangeLimits): Iterable<Entry> {
    return readRangeBackwards(this.#environment, limits)
  }

  count(prefix: Buffer): number {
    return countKeys(this.#environment, prefix, keyAfter(prefix))
  }
}
