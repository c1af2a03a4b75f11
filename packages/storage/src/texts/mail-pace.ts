import { type EventLoopUtilization, performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'

/** While mail comes in, a batch now and then; when none came for a while, one after the other. */
const busyMs = 150
/** … and no more than this share of a processor's time: mail has both … */
const busyShare = 1 / 10
/** … or this one, while mail leaves processors free: whoever reads soon after it came finds everything made. */
const freeShare = 1 / 3
/** Where the event loop works for more than this part of the time, mail waits for processors. */
const busyLoop = 0.7
const minRestMs = 40
/** A batch that was dear, the first of a new thread, is not paid for longer. */
const maxRestMs = 2_000

/** How fast work goes on that can wait, beside mail. */
export class MailPace {
  #lastMailMs = Number.NEGATIVE_INFINITY
  #spentMs = 0
  #share = busyShare
  #loop: EventLoopUtilization = performance.eventLoopUtilization()

  mail(): void {
    this.#lastMailMs = performance.now()
  }

  /** 'mail': mail comes in, and has all the processors. */
  get traffic(): 'mail' | 'rest' {
    const comesIn = performance.now() <= this.#lastMailMs + busyMs
    return comesIn && this.#share === busyShare ? 'mail' : 'rest'
  }

  /** Processor time of looking for what to make. */
  spent(cpuMs: number): void {
    this.#spentMs += cpuMs
  }

  /** Processor time of a batch, and how long it waited for a processor. */
  batch(cpuMs: number, waitedMs: number): void {
    this.#spentMs += cpuMs
    const { utilization } = performance.eventLoopUtilization(this.#loop)
    this.#loop = performance.eventLoopUtilization()
    this.#share = waitedMs < cpuMs && utilization < busyLoop ? freeShare : busyShare
  }

  /** Before the next batch. Throws when the signal is aborted. */
  async rest(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const restMs = Math.min(Math.max(this.#spentMs * (1 / this.#share - 1), minRestMs), maxRestMs)
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
