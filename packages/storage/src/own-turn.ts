import { setImmediate } from 'node:timers/promises'

/** Longer than this without a pause, and others feel it. */
const turnMs = 10

/** The time of one piece of work that waits for nobody else's: a command, the way of a message. */
export class OwnTurn {
  #endMs = performance.now() + turnMs

  /** undefined while there is time left; otherwise wait for it. */
  pass(): Promise<void> | undefined {
    return performance.now() < this.#endMs ? undefined : this.#passOn()
  }

  async #passOn(): Promise<void> {
    await setImmediate()
    this.#endMs = performance.now() + turnMs
  }
}
