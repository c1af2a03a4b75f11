/** Who may be talked to now: how many deliveries run to each next hop, and which ones were found dead. */
export class Destinations {
  readonly #running = new Map<string, number>()
  readonly #dead = new Map<
    string,
    { readonly untilMs: number; readonly text: string; readonly status: string }
  >()

  running(nextHop: string): number {
    return this.#running.get(nextHop) ?? 0
  }

  started(nextHop: string): void {
    this.#running.set(nextHop, this.running(nextHop) + 1)
  }

  ended(nextHop: string): void {
    const left = this.running(nextHop) - 1
    if (left > 0) this.#running.set(nextHop, left)
    else this.#running.delete(nextHop)
  }

  /** Next hops at their limit. */
  full(limit: number): string[] {
    const full: string[] = []
    for (const [nextHop, count] of this.#running) if (count >= limit) full.push(nextHop)
    return full
  }

  died(nextHop: string, untilMs: number, status: string, text: string): void {
    this.#dead.set(nextHop, { untilMs, status, text })
  }

  revived(nextHop: string): void {
    this.#dead.delete(nextHop)
  }

  /** Why mail to this next hop is not tried now. */
  deadNow(nextHop: string, nowMs: number): { readonly status: string; readonly text: string } | undefined {
    const dead = this.#dead.get(nextHop)
    if (dead === undefined) return undefined
    if (dead.untilMs > nowMs) return dead
    this.#dead.delete(nextHop)
    return undefined
  }

  /** After a flush everything is tried anew. */
  forgetDead(): void {
    this.#dead.clear()
  }
}
