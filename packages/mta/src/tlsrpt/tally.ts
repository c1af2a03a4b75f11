import type { AppliedPolicy, SessionFailure, SessionResult } from './session-result.ts'

/** Failures that are alike, counted. */
export interface CountedFailure extends SessionFailure {
  count: number
}

export interface PolicyTally {
  readonly policy: AppliedPolicy
  successes: number
  failures: number
  readonly details: CountedFailure[]
}

/** As kept in a file: domain → its policies. */
export type DayTally = Readonly<Record<string, readonly PolicyTally[]>>

const maxDomains = 10_000
/** A policy that changes with each session is an attack, or a test. */
const maxPolicies = 10
const maxDetails = 50
/** Of all domains together: what a day may cost. */
const maxAllDetails = 20_000
const maxTextLength = 200

/** What is to be reported of one day (UTC), in bounded memory: what goes beyond is counted without its details. */
export class TlsTally {
  readonly #domains = new Map<string, Map<string, PolicyTally>>()
  #changed = false
  #details = 0

  /** Since `save` was asked last. */
  get changed(): boolean {
    return this.#changed
  }

  add({ domain, policy, failure }: SessionResult): void {
    const tally = this.#tallyOf(domain, policy)
    if (tally === undefined) return
    this.#changed = true
    if (failure === undefined) tally.successes++
    else {
      tally.failures++
      this.#detail(tally, { ...failure, text: failure.text.slice(0, maxTextLength) }, 1)
    }
  }

  /** Counts of another process. */
  merge(other: DayTally): void {
    for (const [domain, policies] of Object.entries(other))
      for (const { policy, successes, failures, details } of policies) {
        const tally = this.#tallyOf(domain, policy)
        if (tally === undefined) continue
        tally.successes += successes
        tally.failures += failures
        for (const { count, ...failure } of details) this.#detail(tally, failure, count)
      }
  }

  save(): DayTally {
    this.#changed = false
    return Object.fromEntries(
      [...this.#domains].map(([domain, policies]) => [domain, [...policies.values()]] as const),
    )
  }

  #tallyOf(domain: string, policy: AppliedPolicy): PolicyTally | undefined {
    let policies = this.#domains.get(domain)
    if (policies === undefined) {
      if (this.#domains.size >= maxDomains) return undefined
      policies = new Map()
      this.#domains.set(domain, policies)
    }
    const key = `${policy.type}\n${policy.strings.join('\n')}`
    let tally = policies.get(key)
    if (tally === undefined) {
      if (policies.size >= maxPolicies) return undefined
      tally = { policy, successes: 0, failures: 0, details: [] }
      policies.set(key, tally)
    }
    return tally
  }

  #detail({ details }: PolicyTally, failure: SessionFailure, count: number): void {
    const same = details.find(
      (one) =>
        one.type === failure.type &&
        one.host === failure.host &&
        one.receivingAddress === failure.receivingAddress &&
        one.sendingAddress === failure.sendingAddress,
    )
    if (same !== undefined) same.count += count
    else if (details.length < maxDetails && this.#details < maxAllDetails) {
      this.#details++
      details.push({ ...failure, count })
    }
  }
}
