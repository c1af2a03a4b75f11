/** Deliveries that began together, and are called off together when their lease runs out. */
export interface LeaseCohort {
  readonly signal: AbortSignal
  /** Called once by each delivery when it is over. */
  leave(): void
}

interface Cohort {
  readonly controller: AbortController
  readonly beganMs: number
  readonly timer: NodeJS.Timeout
  members: number
}

/** Deliveries of so long a time share a controller and a timer: a lease is minutes long. */
const togetherMs = 500

export class LeaseCohorts {
  readonly #cohorts = new Set<Cohort>()
  #latest: Cohort | undefined

  /** @param attemptMs how long the delivery may take. */
  join(attemptMs: number): LeaseCohort {
    const nowMs = performance.now()
    let cohort = this.#latest
    if (
      cohort === undefined ||
      cohort.controller.signal.aborted ||
      nowMs - cohort.beganMs >= Math.min(togetherMs, attemptMs / 100)
    ) {
      const controller = new AbortController()
      const timer = setTimeout(() => controller.abort(), attemptMs).unref()
      cohort = { controller, beganMs: nowMs, timer, members: 0 }
      this.#latest = cohort
      this.#cohorts.add(cohort)
    }
    const mine = cohort
    mine.members++
    return { signal: mine.controller.signal, leave: () => this.#left(mine) }
  }

  #left(cohort: Cohort): void {
    if (--cohort.members > 0) return
    clearTimeout(cohort.timer)
    this.#cohorts.delete(cohort)
    if (this.#latest === cohort) this.#latest = undefined
  }

  abortAll(): void {
    for (const { controller } of this.#cohorts) controller.abort()
  }
}
