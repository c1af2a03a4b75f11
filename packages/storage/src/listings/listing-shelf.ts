import { statSync } from 'node:fs'
import { listingPath } from './listing-file.ts'
import { ListingIndex } from './listing-index.ts'

/** Messages whose places one process keeps in memory, of all accounts; and open accounts. */
const maxMessages = 400_000
const maxAccounts = 64

/** The listings that this process has looked at, by account; those used longest ago make room. */
export class ListingShelf {
  readonly version: number
  readonly directory: string
  readonly #accounts = new Map<number, ListingIndex>()

  constructor(directory: string, version: number) {
    this.directory = directory
    this.version = version
  }

  /** As they are on disk now, retained; undefined when there are none. */
  async of(account: number): Promise<ListingIndex | undefined> {
    const path = listingPath(this.directory, account)
    const stat = statSync(path, { throwIfNoEntry: false })
    const known = this.#accounts.get(account)
    const current =
      stat === undefined ? undefined : known?.isOf(stat) ? known : ListingIndex.open(path, this.version)
    this.#accounts.delete(account)
    if (current !== known) known?.release()
    if (stat === undefined || current === undefined) return undefined
    this.#accounts.set(account, current)
    current.retain()
    try {
      // Opened only now it may be a younger file than the one looked at, but no shorter one.
      if (stat.size > current.readBytes) await current.extend(stat.size)
    } catch {
      current.release()
      return undefined
    }
    this.#makeRoom(current)
    return current
  }

  /**
   * As this process looked at them last, not retained: for one turn of the event loop. What was listed since then is
   * not among them.
   */
  now(account: number): ListingIndex | undefined {
    return this.#accounts.get(account)
  }

  /** Somebody will ask for them soon. */
  prepare(account: number): void {
    if (this.#accounts.has(account)) return
    this.of(account).then(
      (index) => index?.release(),
      () => {},
    )
  }

  /** Gives back files that are not the ones on disk any more: their room is free only then. */
  dropReplaced(): void {
    for (const [account, index] of this.#accounts) {
      const stat = statSync(listingPath(this.directory, account), { throwIfNoEntry: false })
      if (stat !== undefined && index.isOf(stat)) continue
      this.#accounts.delete(account)
      index.release()
    }
  }

  close(): void {
    for (const index of this.#accounts.values()) index.release()
    this.#accounts.clear()
  }

  #makeRoom(current: ListingIndex): void {
    let messages = 0
    for (const { count } of this.#accounts.values()) messages += count
    for (const [account, index] of this.#accounts) {
      if (messages <= maxMessages && this.#accounts.size <= maxAccounts) return
      if (index === current) continue
      messages -= index.count
      this.#accounts.delete(account)
      index.release()
    }
  }
}
