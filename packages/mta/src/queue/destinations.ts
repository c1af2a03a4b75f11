import type { SharedPlaces } from './shared-places.ts'

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
  /** Of all workers together, where one alone could already have too many. Default: no more than `concurrency` here. */
  readonly places?: number | undefined
  /** initial_destination_concurrency: until deliveries have succeeded. */
  readonly initialConcurrency: number
  /** destination_recipient_limit: of one delivery. */
  readonly recipients: number
  /** destination_rate_delay: between two deliveries, which then come one after the other; 0 = none. */
  readonly rateDelayMs: number
  /** transport_rate_delay: between two deliveries by the transport, wherever they go; 0 = none. Default 0. */
  readonly transportRateDelayMs?: number
  /** destination_concurrency_positive_feedback: what a success adds to the deliveries allowed. Default 1. */
  readonly positiveFeedback?: Feedback
  /** destination_concurrency_negative_feedback: what a failure takes from them. Default 1. */
  readonly negativeFeedback?: Feedback
  /** destination_concurrency_failed_cohort_limit: cohorts that fail before a destination is dead; 0 = never. Default 1. */
  readonly failedCohorts?: number
}

/** By the deliveries allowed now. SCHEDULER_README. */
export type Feedback = (window: number) => number

/** `1`, `0.5`, `1/2`, `1/concurrency`, `1/sqrt_concurrency`; undefined: none of these. Postfix: qmgr_feedback(3). */
export function parseFeedback(text: string): Feedback | undefined {
  const match = /^(\d+(?:\.\d+)?)(?:\/(\d+(?:\.\d+)?|concurrency|sqrt_concurrency))?$/.exec(text.trim())
  if (match === null) return undefined
  const [, number = '1', divisor] = match
  const value = Number(number)
  if (divisor === 'concurrency') return (window) => value / window
  if (divisor === 'sqrt_concurrency') return (window) => value / Math.sqrt(window)
  const fixed = divisor === undefined ? value : value / Number(divisor)
  return fixed <= 1 ? () => fixed : undefined
}

const one: Feedback = () => 1

const freshMs = 10_000
/** A destination that takes a message in so long is quick … */
const quickMs = 60
/** … while no longer a wait lies before the next one. */
const quickWaitMs = 100
/** What the latest delivery counts among those before it. */
const latestShare = 0.2
const maxRemembered = 10_000

/** 'called off': the lease ran out before the turn came, and nothing is to be left. */
export type Turn = 'entered' | 'called off'

interface Site {
  running: number
  /** Deliveries allowed now, in fractions: grows with each that succeeds. */
  window: number
  /** Failures since the last success, each as a share of the deliveries allowed then. */
  failedCohorts: number
  limits: DestinationLimits
  resting: NodeJS.Timeout | undefined
  readonly waiting: ((turn: Turn) => void)[]
}

/** One next hop by two transports is two destinations. Postfix: qmgr_queue(3). */
export const destinationKey = ({ transport, nextHop }: { transport: string; nextHop: string }): string =>
  `${transport}\0${nextHop}`

const hopOf = (key: string): string => key.slice(key.indexOf('\0') + 1)

/** All of a transport is one more destination, whose name has no next hop. */
const transportOf = (key: string): string => key.slice(0, key.indexOf('\0'))
const isTransport = (key: string): boolean => !key.includes('\0')

const transportLimits = (limits: DestinationLimits): DestinationLimits | undefined => {
  const { transportRateDelayMs: rateDelayMs = 0, places, recipients } = limits
  if (rateDelayMs === 0) return undefined
  return { concurrency: 1, initialConcurrency: 1, recipients, rateDelayMs, places: places && 1 }
}

/** Who may be talked to now: how many deliveries run to each next hop, and which ones were found dead. */
export class Destinations {
  readonly #sites = new Map<string, Site>()
  readonly #windows = new Map<string, Pick<Site, 'window' | 'failedCohorts'>>()
  /** How long a delivery takes of late. */
  readonly #took = new Map<string, number>()
  readonly #dead = new Map<string, Dead>()
  readonly #onReady: () => void
  readonly #places: SharedPlaces | undefined
  #waiting = 0

  /**
   * @param onReady a destination that rested may be talked to again.
   * @param places of all workers; undefined: there is one.
   */
  constructor(onReady: () => void = () => undefined, places?: SharedPlaces | undefined) {
    this.#onReady = onReady
    this.#places = places
  }

  /**
   * Waits for a turn, first come first served, then for one of the transport where it has pauses of its own.
   * @param signal ends the wait.
   */
  async enter(destination: string, limits: DestinationLimits, signal?: AbortSignal): Promise<Turn> {
    if ((await this.#enterSite(destination, limits, signal)) === 'called off') return 'called off'
    const whole = transportLimits(limits)
    if (whole === undefined) return 'entered'
    const turn = await this.#enterSite(transportOf(destination), whole, signal)
    if (turn === 'called off') this.#leaveSite(destination, 0)
    return turn
  }

  /** Here, and then for a place among all workers, where these are few. */
  async #enterSite(
    destination: string,
    limits: DestinationLimits,
    signal: AbortSignal | undefined,
  ): Promise<Turn> {
    if ((await this.#enterHere(destination, limits, signal)) === 'called off') return 'called off'
    if (limits.places === undefined || this.#places === undefined) return 'entered'
    this.#waiting++
    const turn = await this.#places.take(destination, limits.places, signal)
    this.#waiting--
    if (turn === 'called off') this.#next(destination)
    return turn
  }

  async #enterHere(
    destination: string,
    limits: DestinationLimits,
    signal: AbortSignal | undefined,
  ): Promise<Turn> {
    let site = this.#sites.get(destination)
    if (site === undefined) {
      const known = this.#windows.get(destination)
      const window = known?.window ?? Math.min(limits.initialConcurrency, limits.concurrency)
      const failedCohorts = known?.failedCohorts ?? 0
      site = { running: 0, window, failedCohorts, limits, resting: undefined, waiting: [] }
      this.#sites.set(destination, site)
    }
    site.limits = limits
    if (site.running < room(site) && site.resting === undefined) {
      site.running++
      return 'entered'
    }
    // Whoever leaves hands its place on, so `running` stays as it is.
    this.#waiting++
    const turn = await turnIn(site.waiting, signal)
    this.#waiting--
    return turn
  }

  /** How many wait for their turn, all destinations together: they take no place among the deliveries. */
  get waiting(): number {
    return this.#waiting
  }

  /** @param limits with which it was entered: those of now may be others. */
  leave(destination: string, limits: DestinationLimits): void {
    this.#leaveSite(destination, limits.rateDelayMs)
    const whole = transportLimits(limits)
    if (whole !== undefined) this.#leaveSite(transportOf(destination), whole.rateDelayMs)
  }

  #leaveSite(destination: string, rateDelayMs: number): void {
    const site = this.#sites.get(destination)
    if (site === undefined) return
    if (rateDelayMs === 0) {
      this.#places?.give(destination)
      this.#next(destination)
      return
    }
    // The place is kept while the destination rests.
    site.resting = setTimeout(() => {
      site.resting = undefined
      this.#places?.give(destination)
      this.#next(destination)
      this.#onReady()
    }, rateDelayMs)
    site.resting.unref()
  }

  #next(destination: string): void {
    const site = this.#sites.get(destination)
    if (site === undefined) return
    const next = site.waiting.shift()
    if (next !== undefined) next('entered')
    else if (--site.running === 0) this.#sites.delete(destination)
    // A window that has grown lets in more than one.
    while (site.waiting.length > 0 && site.running < room(site)) {
      site.running++
      site.waiting.shift()?.('entered')
    }
  }

  /**
   * Mail may come to it past the queue: it lives, has no pauses, and no more is waiting than `cohorts` times what it
   * may have at a time.
   */
  hasRoom(destination: string, limits: DestinationLimits, nowMs: number, cohorts: number): boolean {
    if (isScarce(limits) || this.deadNow(destination, nowMs, 'due') !== undefined) return false
    const site = this.#sites.get(destination)
    return site === undefined || site.running + site.waiting.length < room(site) * cohorts
  }

  /** A message was taken after so long a time, the connection included. */
  took(destination: string, ms: number): void {
    const before = this.#took.get(destination)
    if (before === undefined && this.#took.size >= maxRemembered)
      this.#took.delete(this.#took.keys().next().value ?? '')
    this.#took.set(destination, before === undefined ? ms : before + (ms - before) * latestShare)
  }

  /** Lives, has no pauses, and is seen to answer soon. */
  isQuick(destination: string, limits: DestinationLimits): boolean {
    const tookMs = this.#took.get(destination)
    if (tookMs === undefined || tookMs > quickMs || isScarce(limits) || this.#dead.has(destination))
      return false
    const site = this.#sites.get(destination)
    if (site === undefined) return true
    const before = site.running + site.waiting.length - room(site)
    return before <= 0 || (before * tookMs) / room(site) <= quickWaitMs
  }

  /** Next hops that have enough to do, or rest. */
  full(): string[] {
    return [...this.#full()].filter((key) => !isTransport(key)).map(hopOf)
  }

  /** Transports with pauses of their own that have enough to do, or rest. */
  fullTransports(): string[] {
    return [...this.#full()].filter(isTransport)
  }

  *#full(): Generator<string> {
    for (const [key, site] of this.#sites) if (site.running + site.waiting.length >= room(site)) yield key
  }

  /** No server could be reached. Postfix: qmgr_queue_throttle(). */
  failed(destination: string, dead: Dead): void {
    const site = this.#sites.get(destination)
    if (site === undefined) {
      this.#died(destination, dead)
      return
    }
    const { failedCohorts: limit = 1, negativeFeedback = one } = site.limits
    site.failedCohorts += 1 / site.window
    // Thirds and sixths do not add up to one.
    if (limit > 0 && site.failedCohorts >= limit - 1e-9) {
      this.#died(destination, dead)
      return
    }
    site.window = Math.max(1, site.window - negativeFeedback(site.window))
    this.#remember(destination, site)
  }

  #died(destination: string, dead: Dead): void {
    this.#dead.set(destination, dead)
    this.#windows.delete(destination)
    const site = this.#sites.get(destination)
    if (site === undefined) return
    site.window = Math.min(site.limits.initialConcurrency, site.limits.concurrency)
    site.failedCohorts = 0
  }

  /** A server was talked to. Postfix: qmgr_queue_unthrottle(). */
  revived(destination: string): void {
    this.#dead.delete(destination)
    const site = this.#sites.get(destination)
    if (site === undefined || (site.window >= site.limits.concurrency && site.failedCohorts === 0)) return
    const { concurrency, positiveFeedback = one } = site.limits
    site.window = Math.min(concurrency, site.window + positiveFeedback(site.window))
    site.failedCohorts = 0
    this.#remember(destination, site)
  }

  #remember(destination: string, { window, failedCohorts }: Site): void {
    this.#windows.delete(destination)
    if (this.#windows.size >= maxRemembered) this.#windows.delete(this.#windows.keys().next().value ?? '')
    this.#windows.set(destination, { window, failedCohorts })
  }

  /**
   * Why mail to this next hop is not tried now. Mail that somebody flushed is tried, but for the moments in
   * which another attempt has just failed.
   */
  deadNow(destination: string, nowMs: number, asked: 'due' | 'flushed'): Dead | undefined {
    const dead = this.#dead.get(destination)
    if (dead === undefined) return undefined
    const untilMs = asked === 'due' ? dead.untilMs : Math.min(dead.sinceMs + freshMs, dead.untilMs)
    if (dead.untilMs <= nowMs) this.#dead.delete(destination)
    return untilMs > nowMs ? dead : undefined
  }

  /** After a flush everything is tried anew, or one next hop. */
  forgetDead(nextHop = ''): void {
    if (nextHop === '') this.#dead.clear()
    else for (const key of [...this.#dead.keys()]) if (hopOf(key) === nextHop) this.#dead.delete(key)
  }
}

/** Mail for it waits in the queue in any case. */
const isScarce = ({ rateDelayMs, transportRateDelayMs = 0, places }: DestinationLimits): boolean =>
  rateDelayMs > 0 || transportRateDelayMs > 0 || places !== undefined

/** A place in a line that may be left before the turn comes. */
const turnIn = (waiting: Site['waiting'], signal: AbortSignal | undefined): Promise<Turn> =>
  new Promise((resolve) => {
    if (signal === undefined) {
      waiting.push(resolve)
      return
    }
    if (signal.aborted) {
      resolve('called off')
      return
    }
    const onAbort = (): void => {
      const at = waiting.indexOf(answer)
      if (at < 0) return
      waiting.splice(at, 1)
      resolve('called off')
    }
    const answer = (turn: Turn): void => {
      signal.removeEventListener('abort', onAbort)
      resolve(turn)
    }
    signal.addEventListener('abort', onAbort, { once: true })
    waiting.push(answer)
  })

/** With a pause between deliveries they come one after the other. Postfix: qmgr(8). */
const room = ({ window, limits }: Site): number =>
  limits.rateDelayMs > 0 ? 1 : Math.min(Math.floor(window), limits.concurrency)
