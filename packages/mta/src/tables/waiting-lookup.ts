import { TableError } from './table.ts'

/**
 * What a lookup throws whose answer is not here yet. Tables in memory answer at once and pay nothing for those that
 * ask over a network: whoever may wait does so once around all of its lookups (`answered`), and then looks again.
 */
export class LookupWaits extends Error {
  /** Resolves when there is an answer, or a failure, to find. Never rejects. */
  readonly settled: Promise<void>
  constructor(settled: Promise<void>) {
    super('a lookup has no answer yet')
    this.name = 'LookupWaits'
    this.settled = settled
  }
}

/** No answer, for now: whoever asks is told to come again (451 4.3.0). */
export class LookupFailed extends TableError {
  constructor(table: string, message: string) {
    super(table, message)
    this.name = 'LookupFailed'
  }
}

/** Times that one piece of work may wait; more is a circle. */
const maxWaits = 1_000
/** Lookups that are asked together. */
const maxTogether = 100

/**
 * For work that looks up one thing after the other, whose answers do not depend on each other: those that wait are asked
 * together. `settle` has to be called at its end; then it begins again with the answers.
 */
export class Together {
  readonly #waits: Promise<void>[] = []

  /** `meanwhile` stands for an answer that is not here yet. */
  look<T>(work: () => T, meanwhile: T): T {
    try {
      return work()
    } catch (error) {
      if (!(error instanceof LookupWaits)) throw error
      this.#waits.push(error.settled)
      if (this.#waits.length >= maxTogether) this.settle()
      return meanwhile
    }
  }

  settle(): void {
    if (this.#waits.length > 0) throw new LookupWaits(Promise.all(this.#waits).then(() => {}))
  }
}

/** Does a piece of work that looks up, again from its start after each answer that it has to wait for. */
export function answered<T>(work: () => T | Promise<T>): T | Promise<T> {
  try {
    const result = work()
    return result instanceof Promise ? result.catch((error) => again(work, error, 1)) : result
  } catch (error) {
    return again(work, error, 1)
  }
}

function again<T>(work: () => T | Promise<T>, error: unknown, waits: number): Promise<T> {
  if (!(error instanceof LookupWaits) || waits > maxWaits) throw error
  return afterAnswer(work, error.settled, waits)
}

async function afterAnswer<T>(work: () => T | Promise<T>, settled: Promise<void>, waits: number): Promise<T> {
  await settled
  try {
    return await work()
  } catch (error) {
    return await again(work, error, waits + 1)
  }
}
