import { setImmediate } from 'node:timers/promises'
import { workTurns } from '@posthorn/storage'

/** What takes less is not long work. */
const freeMs = 1

/** Searching and sorting ask now and then whether others should have their turn, of all sessions together. */
export class Turn {
  readonly #freeUntilMs = performance.now() + freeMs

  /** undefined while there is time left; otherwise wait for it. */
  pass(): Promise<void> | undefined {
    return performance.now() < this.#freeUntilMs || !workTurns.isOver ? undefined : workTurns.next()
  }
}

/** Longer than this without a pause, and other sessions feel it. */
const turnMs = 10

/** One session's time for commands and news: it does not wait for those who search. */
export class CommandTurn {
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
