import { availableParallelism } from 'node:os'
import { monotonicMs } from './timer-wheel.ts'

/** A client that has followed answers this soon is expected to do so again, and awaited so long. */
const awaitedMs = 0.3
/** Answers in a row that were followed soon, before a client is awaited. */
const enoughTrust = 2
const mostTrust = 4
/** What it costs to be awaited in vain. */
const disappointment = 2

/** Runs a callback in the event loop's next turn, and the loop does not sleep before it. */
type NextTurn = (callback: () => void) => void

/**
 * Keeps the event loop from going to sleep for a moment. To wake a processor that sleeps takes a virtual machine some
 * 60 µs, more than most answers do, and in a dialogue of commands and answers that happens each time.
 */
export class Wakefulness {
  readonly #now: () => number
  readonly #nextTurn: NextTurn
  #untilMs = 0
  #awake = false

  constructor(now: () => number = monotonicMs, nextTurn: NextTurn = setImmediate) {
    this.#now = now
    this.#nextTurn = nextTurn
  }

  get nowMs(): number {
    return this.#now()
  }

  /** @param untilMs on the clock that `nowMs` shows. */
  stay(untilMs: number): void {
    if (untilMs > this.#untilMs) this.#untilMs = untilMs
    if (this.#awake) return
    this.#awake = true
    this.#nextTurn(this.#look)
  }

  readonly #look = (): void => {
    if (this.#now() < this.#untilMs) this.#nextTurn(this.#look)
    else this.#awake = false
  }
}

/** Whether a client waits for each answer and then goes on at once: then, and only then, it is awaited. */
export class Pace {
  readonly #wakefulness: Wakefulness
  #answeredMs = Number.NEGATIVE_INFINITY
  #trust = 0

  constructor(wakefulness: Wakefulness) {
    this.#wakefulness = wakefulness
  }

  /** Octets have come. */
  heard(): void {
    const soon = this.#wakefulness.nowMs - this.#answeredMs <= awaitedMs
    this.#trust = soon ? Math.min(this.#trust + 1, mostTrust) : Math.max(this.#trust - disappointment, 0)
  }

  /** Octets are on their way. */
  answered(): void {
    this.#answeredMs = this.#wakefulness.nowMs
    if (this.#trust >= enoughTrust) this.#wakefulness.stay(this.#answeredMs + awaitedMs)
  }
}

let shared: Wakefulness | undefined

/** The process's; undefined where the client may need the only processor there is. */
export function sharedWakefulness(): Wakefulness | undefined {
  if (availableParallelism() > 1) shared ??= new Wakefulness()
  return shared
}
