interface Dead {
  readonly sinceMs: number
  readonly untilMs: number
  readonly status: string
  readonly text: string
}

/** What one destination may have at a time. Postfix's names, `default_` or of the transport. */
export interface DestinationLimits {
  /** destination_concurrency_limit */
  readonly concurrency: number
  /** initial_destination_concurrency: until deliveries have succeeded. */
  readonly initialConcurrency: number
  /** destination_recipient_limit: of one delivery. */
  readonly recipients: number
  /** destination_rate_delay: between two deliveries, which then come one after the other; 0 = none. */
  readonly rateDelayMs: number
}

const freshMs = 10_000
const maxRemembered = 10_000

interface Site {
  running: number
  /** Deliveries allowed now: grows by one with each that succeeds. */
  window: number
  limits: DestinationLimits
  resting: NodeJS.Timeout | undefined
  readonly waiting: (() => void)[]
}

/** Who may be talked to now: how many deliveries run to each next hop, and which ones were found dead. */
export class Destinations {
  readonly #sites = new Map<string, Site>()
  readonly #windows = new Map<string, number>()
  readonly #dead = new Map<string, Dead>()
  readonly #onReady: () => void

  /** @param onReady a destination that rested may be talked to again. */
  constructor(onReady: () => void = () => undefined) {
    this.#onReady = onReady
  }

  /** Waits for a turn, first come first served. */
  async enter(nextHop: string, limits: DestinationLimits): Promise<void> {
    let site = this.#sites.get(nextHop)
    if (site === undefined) {
      const window = this.#windows.get(nextHop) ?? Math.min(limits.initialConcurrency, limits.concurrency)
      site = { running: 0, window, limits, resting: undefined, waiting: [] }
      this.#sites.set(nextHop, site)
    }
    site.limits = limits
    if (site.running < room(site) && site.resting === undefined) {
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
    const { rateDelayMs } = site.limits
    if (rateDelayMs > 0) {
      // The place is kept while the destination rests.
      site.resting = setTimeout(() => {
        site.resting = undefined
        this.#next(nextHop, site)
        this.#onReady()
      }, rateDelayMs)
      site.resting.unref()
    } else this.#next(nextHop, site)
  }

  #next(nextHop: string, site: Site): void {
    const next = site.waiting.shift()
    if (next !== undefined) next()
    else if (--site.running === 0) this.#sites.delete(nextHop)
    // A window that has grown lets in more than one.
    while (site.waiting.length > 0 && site.running < room(site)) {
      site.running++
      site.waiting.shift()?.()
    }
  }

  /** Next hops that have enough to do, or rest. */
  full(): string[] {
    const full: string[] = []
    for (const [nextHop, site] of this.#sites) {
      if (site.running + site.waiting.length >= room(site)) full.push(nextHop)
    }
    return full
  }

  died(nextHop: string, dead: Dead): void {
    this.#dead.set(nextHop, dead)
    this.#windows.delete(nextHop)
    const site = this.#sites.get(nextHop)
    if (site !== undefined) site.window = Math.min(site.limits.initialConcurrency, site.limits.concurrency)
  }

  /** Postfix: default_destination_concurrency_positive_feedback = 1. */
  revived(nextHop: string): void {
    this.#dead.delete(nextHop)
    const site = this.#sites.get(nextHop)
    if (site === undefined || site.window >= site.limits.concurrency) return
    site.window++
    this.#windows.delete(nextHop)
    if (this.#windows.size >= maxRemembered) this.#windows.delete(this.#windows.keys().next().value ?? '')
    this.#windows.set(nextHop, site.window)
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

/** With a pause between deliveries they come one after the other. Postfix: qmgr(8). */
const room = ({ window, limits }: Site): number =>
  limits.rateDelayMs > 0 ? 1 : Math.min(window, limits.concurrency)
