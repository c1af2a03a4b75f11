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
