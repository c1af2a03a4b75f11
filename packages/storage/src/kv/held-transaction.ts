import { type Environment, type OpenTransaction, openTransaction, transact } from './environment.ts'

export interface HoldOptions {
  /** No other process waits for the index. */
  readonly mayHold: () => boolean
  /** Says to processes that open the store whether this one holds the index. Throws when it cannot. */
  readonly announce: (held: boolean) => void
  /** That it does not hold it any more could not be said yet. */
  readonly onUnsaid: (error: unknown) => void
  /** Does again in the index what the log says. Throws when it cannot. */
  readonly repair: () => void
  /** The index lacks what is acknowledged, until a group repairs it. */
  readonly onBroken: (error: unknown) => void
}

const holdMs = 10
/** Who opens the store waits for what could not be said. */
const sayAgainMs = 500
const maxGroups = 64
const maxRows = 4_000

/**
 * Groups of a process that has the store for itself share one transaction of the index for some milliseconds:
 * the same pages are then written once, not for each group. What is acknowledged is in the log meanwhile, and
 * this process reads through the open transaction. When it cannot be committed, the log is done again.
 */
export class HeldTransaction {
  readonly #environment: Environment
  readonly #options: HoldOptions | undefined
  #open: OpenTransaction | undefined
  #timer: NodeJS.Timeout | undefined
  #groups = 0
  #rows = 0
  #isBroken = false
  #isUnsaid = false
  #saying: NodeJS.Timeout | undefined

  constructor(environment: Environment, options: HoldOptions | undefined) {
    this.#environment = environment
    this.#options = options
  }

  /** Runs a group. It returns how many rows it changed; when it throws, it has undone what it did. */
  run(group: () => number): void {
    this.#repair()
    this.#open ??= this.#begin()
    if (this.#open === undefined) {
      transact(this.#environment, group)
      return
    }
    try {
      this.#rows += group()
    } catch (error) {
      // If the transaction itself is ill, the groups before come back from the log.
      this.settle()
      throw error
    }
    this.#groups++
    if (this.#groups >= maxGroups || this.#rows >= maxRows) this.settle()
  }

  /** Commits. Never throws: what could not be committed is done again from the log. */
  settle(): void {
    const open = this.#open
    if (open === undefined) return
    clearTimeout(this.#timer)
    this.#open = undefined
    this.#groups = 0
    this.#rows = 0
    try {
      open.commit()
    } catch (error) {
      this.#isBroken = true
      this.#options?.onBroken(error)
    }
    this.#sayFree()
  }

  /** Never throws: a timer settles, and who reads does. */
  #sayFree(): void {
    clearTimeout(this.#saying)
    try {
      this.#options?.announce(false)
      this.#isUnsaid = false
    } catch (error) {
      if (!this.#isUnsaid) this.#options?.onUnsaid(error)
      this.#isUnsaid = true
      this.#saying = setTimeout(() => this.#sayFree(), sayAgainMs)
      this.#saying.unref()
    }
  }

  /** Settles for good. */
  close(): void {
    this.settle()
    clearTimeout(this.#saying)
  }

  /**
   * A process that opens the store makes itself known first, and then waits for who holds the index. It is looked
   * for again after the announcement: one of the two sees the other.
   */
  #begin(): OpenTransaction | undefined {
    if (this.#options?.mayHold() !== true) return undefined
    let open: OpenTransaction | undefined
    try {
      clearTimeout(this.#saying)
      this.#options.announce(true)
      if (!this.#options.mayHold()) return undefined
      open = openTransaction(this.#environment, () => this.settle())
      this.#timer = setTimeout(() => this.settle(), holdMs)
      return open
    } finally {
      if (open === undefined) this.#sayFree()
    }
  }

  #repair(): void {
    if (!this.#isBroken) return
    this.#options?.repair()
    this.#isBroken = false
  }
}
