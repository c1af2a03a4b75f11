import type { AccountId, TallyStore } from '@posthorn/storage'

/**
 * Counts sessions of one user from one address. Dovecot: mail_max_userip_connections. With `tallies` those of
 * the other workers count too.
 */
export class Seats {
  readonly #taken = new Map<string, number>()
  readonly #tallies: Pick<TallyStore, 'set'> | undefined

  constructor(tallies?: Pick<TallyStore, 'set'>) {
    this.#tallies = tallies
  }

  /** False when all `limit` seats are taken; 0 = no limit. A seat taken must be left. */
  take(account: AccountId, address: string, limit: number): boolean | Promise<boolean> {
    const key = `${account} ${address}`
    const taken = this.#taken.get(key) ?? 0
    if (limit > 0 && taken >= limit) return false
    this.#taken.set(key, taken + 1)
    return limit === 0 || this.#tallies === undefined || this.#takeOfAll(account, address, limit)
  }

  leave(account: AccountId, address: string): void {
    const key = `${account} ${address}`
    const left = (this.#taken.get(key) ?? 0) - 1
    if (left > 0) this.#taken.set(key, left)
    else this.#taken.delete(key)
    if (this.#tallies !== undefined) void this.#tell(key).catch(() => {})
  }

  async #takeOfAll(account: AccountId, address: string, limit: number): Promise<boolean> {
    // A fault of ours shuts nobody out.
    const all = await this.#tell(`${account} ${address}`).catch(() => 0)
    if (all <= limit) return true
    this.leave(account, address)
    return false
  }

  async #tell(key: string): Promise<number> {
    return (await this.#tallies?.set(`imap ${key}`, this.#taken.get(key) ?? 0)) ?? 0
  }
}
