import { customerNetwork, customerPrefixes, type PrefixLengths } from './address.ts'

/** Counts of several processes: each sets its own under a name and gets the sum of all that live. */
export interface SharedTally {
  set(name: string, count: number): Promise<number>
}

/**
 * How many connections each client has. With a tally those in the other processes count too; only clients that a
 * limit binds are told to it, so that trusted ones cost nothing. All of an IPv6 /64 count as one client unless other lengths
 * are given: a customer has 2^64 addresses.
 */
export class ClientCounts {
  readonly #name: string
  readonly #tally: SharedTally | undefined
  readonly #prefixes: PrefixLengths
  readonly #here = new Map<string, number>()
  /** Clients that the other processes know of. */
  readonly #told = new Set<string>()

  /** `name`: what is counted, the same in all processes. */
  constructor(name: string, tally?: SharedTally, prefixes: PrefixLengths = customerPrefixes) {
    this.#name = name
    this.#prefixes = prefixes
    this.#tally = tally
  }

  #networkOf(address: string): string {
    return customerNetwork(address, this.#prefixes)
  }

  /** In this process. */
  of(address: string): number {
    return this.#here.get(this.#networkOf(address)) ?? 0
  }

  /** One more, which must leave again. */
  enter(address: string): void {
    const client = this.#networkOf(address)
    this.#here.set(client, (this.#here.get(client) ?? 0) + 1)
  }

  leave(address: string): void {
    const client = this.#networkOf(address)
    const left = (this.#here.get(client) ?? 0) - 1
    if (left > 0) this.#here.set(client, left)
    else this.#here.delete(client)
    if (!this.#told.has(client)) return
    if (left <= 0) this.#told.delete(client)
    this.#tell(client).catch(() => {})
  }

  /** In all processes, those that have entered here included. A fault of ours shuts nobody out. */
  all(address: string): number | Promise<number> {
    if (this.#tally === undefined) return this.of(address)
    const client = this.#networkOf(address)
    if (this.#here.has(client)) this.#told.add(client)
    return this.#tell(client).catch(() => this.#here.get(client) ?? 0)
  }

  async #tell(client: string): Promise<number> {
    const here = this.#here.get(client) ?? 0
    return (await this.#tally?.set(`${this.#name} ${client}`, here)) ?? here
  }
}
