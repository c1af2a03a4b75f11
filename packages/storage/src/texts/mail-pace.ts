import { setTimeout as sleep } from 'node:timers/promises'

/** While mail comes in, a batch now and then; when none came for a while, one after the other. */
const busyMs = 150
/** … and no more than this share of the processors' time: mail has both. */
const busyShare = 1 / 10
const minRestMs = 40
/** A batch that was dear, the first of a new thread, is not paid for longer. */
const maxRestMs = 2_000

/** How fast work goes on that can wait, beside mail. */
export class MailPace {
  #lastMailMs = Number.NEGATIVE_INFINITY
  #spentMs = 0

  mail(): void {
    this.#lastMailMs = performance.now()
  }

  get traffic(): 'mail' | 'rest' {
    return performance.now() > this.#lastMailMs + busyMs ? 'rest' : 'mail'
  }

  /** Processor time of a batch. */
  spent(cpuMs: number): void {
    this.#spentMs += cpuMs
  }

  /** Before the next batch. Throws when the signal is aborted. */
  async rest(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const restMs = Math.min(Math.max(this.#spentMs * (1 / busyShare - 1), minRestMs), maxRestMs)
    const untilMs = performance.now() + restMs
    this.#spentMs = 0
    // When the mail ends, so does the rest.
    for (;;) {
      const nowMs = performance.now()
      const quietMs = this.#lastMailMs + busyMs
      if (nowMs >= untilMs || nowMs > quietMs) return
      await sleep(Math.ceil(Math.min(untilMs, quietMs) - nowMs) + 1, undefined, { ref: false, signal })
    }
  }
}
