interface Dead {
  readonly sinceMs: number
  readonly untilMs: number
  readonly status: string
  readonly text: string
}

const freshMs = 10_000

interface Site {
  running: number
  readonly waiting: (() => void)[]
}

/** Who may be talked to now: how many deliveries run to each next hop, and which ones were found dead. */
export class Destinations {
  readonly #sites = new Map<string, Site>()
  readonly #dead = new Map<string, Dead>()

  /** Waits for a turn, first come first served. Postfix: default_destination_concurrency_limit. */
  async enter(nextHop: string, limit: number): Promise<void> {
    let site = this.#sites.get(nextHop)
    if (site === undefined) {
      site = { running: 0, waiting: [] }
      this.#sites.set(nextHop, site)
    }
    if (site.running < limit) {
      site.running++
      return
    }
    const { waiting } = site
    // Whoever leaves hands its place on, so `running` stays as it is.
    await new Promise<void>((resolve) => waiting.push(resolve))
  }

  leave(nextHop: string): void {
    const site = this.#sites.get(nextHop)
    if (site === undefined) return
    const next = site.waiting.shift()
    if (next !== undefined) next()
    else if (--site.running === 0) this.#sites.delete(nextHop)
  }

  /** Next hops that have enough to do. */
  full(limit: number): string[] {
    const full: string[] = []
    for (const [nextHop, { running, waiting }] of this.#sites) {
      if (running + waiting.length >= limit) full.push(nextHop)
    }
    return full
  }

  died(nextHop: string, dead: Dead): void {
    this.#dead.set(nextHop, dead)
  }

  revived(nextHop: string): void {
    this.#dead.delete(nextHop)
  }

  /**
   * Why mail to this next hop is not tried now. Mail that somebody flushed is tried, but for the moments in
   * which another attempt has just failed.
   */
  deadNow(nextHop: string, nowMs: number, asked: 'due' | 'flushed'): Dead | undefined {
    const dead = this.#dead.get(nextHop)
    if (dead === undefined) return undefined
    const untilMs = asked === 'due' ? dead.untilMs : Math.min(dead.sinceMs + freshMs, dead.untilMs)
    if (dead.untilMs <= nowMs) this.#dead.delete(nextHop)
    return untilMs > nowMs ? dead : undefined
  }

  /** After a flush everything is tried anew, or one next hop. */
  forgetDead(nextHop = ''): void {
    if (nextHop === '') this.#dead.clear()
    else this.#dead.delete(nextHop)
  }
}
