import { setImmediate } from 'node:timers/promises'

/** Longer than this without a pause, and other sessions feel it. */
const turnMs = 10

/** One session's time at work: what may take long asks now and then whether others should have theirs. */
export class Turn {
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
