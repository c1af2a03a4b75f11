import type { AccountId } from '@posthorn/storage'

/** Counts sessions of one user from one address. Dovecot: mail_max_userip_connections. */
export class Seats {
  readonly #taken = new Map<string, number>()

  /** False when all `limit` seats are taken; 0 = no limit. A seat taken must be left. */
  take(account: AccountId, address: string, limit: number): boolean {
    const key = `${account} ${address}`
    const taken = this.#taken.get(key) ?? 0
    if (limit > 0 && taken >= limit) return false
    this.#taken.set(key, taken + 1)
    return true
  }

  leave(account: AccountId, address: string): void {
    const key = `${account} ${address}`
    const left = (this.#taken.get(key) ?? 0) - 1
    if (left > 0) this.#taken.set(key, left)
    else this.#taken.delete(key)
  }
}
