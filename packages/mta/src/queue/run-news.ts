import type { Settlement } from '@posthorn/storage'
import type { Attempt, DeliveryJob } from '../delivery/attempt.ts'

/** Of one envelope sender: an `owner-` alias may have made several. */
export interface SenderNews {
  readonly job: DeliveryJob
  readonly attempts: Attempt[]
  readonly settlements: Settlement[]
}

/**
 * What failed or is late in the deliveries of one claim. Its recipients stay claimed until the sender is told of all of
 * them in one report: a crash before that costs another attempt. Postfix: bounce(8), one report for a message.
 */
export class RunNews {
  readonly #bySender = new Map<string, SenderNews>()
  #isOpen = true

  /** False once `take` was called: it is to be told at once. */
  get isOpen(): boolean {
    return this.#isOpen
  }

  add(job: DeliveryJob, attempt: Attempt, settlement: Settlement): void {
    let news = this.#bySender.get(job.sender)
    if (news === undefined) {
      news = { job, attempts: [], settlements: [] }
      this.#bySender.set(job.sender, news)
    }
    news.attempts.push(attempt)
    news.settlements.push(settlement)
  }

  take(): readonly SenderNews[] {
    this.#isOpen = false
    return [...this.#bySender.values()]
  }
}
