import { performance } from 'node:perf_hooks'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'

/** How long is looked whether others are at work, and for how long the way is theirs when they are. */
const lookMs = 4
const aloneShare = 0.2
const standBackMs = 60

/**
 * Lets unimportant work go on in small pieces: before each one everybody else has his turn, and while anybody
 * is at work there is none.
 */
export class Pace {
  readonly #clients: () => number
  readonly #signal: AbortSignal

  /** @param clients connected, whether they do something or not */
  constructor(clients: () => number, signal: AbortSignal) {
    this.#clients = clients
    this.#signal = signal
  }

  /** Resolves when the next piece may begin. Rejects when it is over. */
  async turn(): Promise<void> {
    await nextTurn()
    this.#signal.throwIfAborted()
    while (this.#clients() > 0 && (await this.#othersWork()))
      await sleep(standBackMs, undefined, { ref: false, signal: this.#signal })
  }

  /** Resolves when nobody is connected. Rejects when it is over. */
  async alone(): Promise<void> {
    await this.turn()
    while (this.#clients() > 0) await sleep(standBackMs, undefined, { ref: false, signal: this.#signal })
  }

  /** What the event loop does while we do nothing is done for others. */
  async #othersWork(): Promise<boolean> {
    const before = performance.eventLoopUtilization()
    await sleep(lookMs, undefined, { ref: false, signal: this.#signal })
    return performance.eventLoopUtilization(before).utilization > aloneShare
  }
}
