import { setImmediate as nextTurn } from 'node:timers/promises'

/** Longer than this in one turn of the event loop, and other sessions feel it. */
const usualTurnMs = 8

/**
 * Long work takes turns on the event loop: whatever many sessions search and sort at the same time, others wait for one
 * slice of it, not for one of each.
 */
export class WorkTurns {
  readonly #turnMs: number
  #endMs = 0
  /** This turn of the event loop has had long work. */
  #isOpen = false
  readonly #waiting: (() => void)[] = []

  constructor(turnMs = usualTurnMs) {
    this.#turnMs = turnMs
  }

  /** Whether this turn of the event loop has had its share of long work: whoever does some waits for `next`. */
  get isOver(): boolean {
    const nowMs = performance.now()
    if (!this.#isOpen) this.#open(nowMs)
    return nowMs >= this.#endMs
  }

  /** Resolves in a later turn of the event loop, after all that waited before. */
  next(): Promise<void> {
    if (!this.#isOpen) this.#open(performance.now())
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
    })
  }

  /** Between two pieces of long work: in a later turn of the event loop, in which long work still has its share. */
  async between(): Promise<void> {
    await nextTurn()
    if (this.isOver) await this.next()
  }

  #open(nowMs: number): void {
    this.#isOpen = true
    this.#endMs = nowMs + this.#turnMs
    setImmediate(this.#close)
  }

  readonly #close = (): void => {
    this.#isOpen = false
    const first = this.#waiting.shift()
    if (first === undefined) return
    this.#open(performance.now())
    first()
  }
}

/** Of this process: it has one event loop. */
export const workTurns = new WorkTurns()
