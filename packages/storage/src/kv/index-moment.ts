import { setImmediate as nextTurn } from 'node:timers/promises'
import {
  countKeys,
  type Entry,
  type Environment,
  type HeldSnapshot,
  holdSnapshot,
  type RangeLimits,
  readRange,
  readRangeBackwards,
  readValue,
  settle,
} from './environment.ts'
import { keyAfter, keyOfTable, type TableTag } from './keys.ts'
import type { Reader } from './unit.ts'

/** Others wait no longer than about this. */
const turnMs = 10

/**
 * The index as of one moment, looked at in many short turns of the event loop. Until `release` no page of that moment
 * is used again, so the index grows by what is written meanwhile.
 */
export class IndexMoment implements Reader {
  readonly #environment: Environment
  readonly #mayGoOn: () => void
  readonly #held: HeldSnapshot
  #beganMs = performance.now()

  /** `mayGoOn` is asked at the beginning of each turn: what it throws ends the work. */
  constructor(environment: Environment, mayGoOn: () => void = () => {}) {
    this.#environment = environment
    this.#mayGoOn = mayGoOn
    this.#held = holdSnapshot(environment)
  }

  release(): void {
    this.#held.release()
  }

  get(key: Buffer): Buffer | undefined {
    return readValue(this.#environment, key, Number.POSITIVE_INFINITY, this.#held)
  }

  range(limits: RangeLimits): Iterable<Entry> {
    return readRange(this.#environment, limits, this.#held)
  }

  rangeBackwards(limits: RangeLimits): Iterable<Entry> {
    return readRangeBackwards(this.#environment, limits, this.#held)
  }

  count(prefix: Buffer): number {
    return countKeys(this.#environment, prefix, keyAfter(prefix), this.#held)
  }

  /** Every row of a table. */
  async eachRow(tag: TableTag, visit: (key: Buffer, value: Buffer) => void): Promise<void> {
    let start: Buffer | undefined = keyOfTable(tag)
    const end = keyAfter(start)
    while (start !== undefined) {
      start = this.#visitSome({ start, end }, visit)
      if (start !== undefined) await this.#pause()
    }
  }

  async each<T>(items: Iterable<T>, visit: (item: T) => void): Promise<void> {
    for (const item of items) {
      visit(item)
      if (this.#isLong()) await this.#pause()
    }
  }

  /** Where to go on; undefined when that was all. */
  #visitSome(limits: RangeLimits, visit: (key: Buffer, value: Buffer) => void): Buffer | undefined {
    for (const { key, value } of this.range(limits)) {
      visit(key, value)
      if (this.#isLong()) return Buffer.concat([key, Buffer.alloc(1)])
    }
    return undefined
  }

  #isLong(): boolean {
    return performance.now() - this.#beganMs > turnMs
  }

  async #pause(): Promise<void> {
    await nextTurn()
    this.#mayGoOn()
    // A transaction that this process holds open would be read instead.
    settle(this.#environment)
    this.#beganMs = performance.now()
  }
}
