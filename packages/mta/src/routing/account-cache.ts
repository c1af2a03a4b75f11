import type { Accounts } from '@posthorn/accounts'
import type { Answer } from '@posthorn/smtp'
import type { Account, Store } from '@posthorn/storage'

export interface AccountCache {
  /** At once when it is known. */
  find(address: string): Answer<Account | undefined>
  /** What is known without asking; undefined: nothing. */
  peek(address: string): { readonly account: Account | undefined } | undefined
  isLocalDomain(domain: string): boolean
  /** Counts up with each change of accounts or domains that was heard of. */
  readonly generation: number
  first(): Promise<Account | undefined>
  close(): void
}

/** A lost wake-up costs this much latency. */
const maxAgeMs = 5_000
const maxEntries = 20_000

interface Entry {
  readonly account: Account | undefined
  readonly untilMs: number
}

/**
 * Accounts and their domains as routing needs them, thousands of times a second. Changes by commands are
 * seen through the store's wake-ups.
 */
export async function createAccountCache(
  accounts: Pick<Accounts, 'find' | 'localDomains'>,
  store: Pick<Store, 'watch' | 'accounts'>,
  now: () => number,
): Promise<AccountCache> {
  const found = new Map<string, Entry>()
  let generation = 0
  let domains: ReadonlySet<string> = new Set(await accounts.localDomains())
  let domainsUntilMs = now() + maxAgeMs
  let reading: Promise<void> | undefined

  function readDomains(): Promise<void> {
    domainsUntilMs = now() + maxAgeMs
    reading ??= accounts
      .localDomains()
      .then(
        (names) => {
          domains = new Set(names)
          generation++
        },
        // The old ones serve until the store answers again.
        () => {},
      )
      .finally(() => {
        reading = undefined
      })
    return reading
  }

  const unwatch = store.watch((wake) => {
    if (wake.kind !== 'accounts') return
    generation++
    found.clear()
    void readDomains()
  })

  async function load(address: string): Promise<Account | undefined> {
    const asked = generation
    const account = await accounts.find(address)
    if (asked === generation) {
      if (found.size >= maxEntries) found.clear()
      found.set(address, { account, untilMs: now() + maxAgeMs })
    }
    return account
  }

  return {
    peek(address) {
      const entry = found.get(address)
      return entry !== undefined && entry.untilMs > now() ? entry : undefined
    },
    find(address) {
      const entry = found.get(address)
      return entry !== undefined && entry.untilMs > now() ? entry.account : load(address)
    },
    get generation() {
      return generation
    },
    isLocalDomain(domain) {
      if (now() >= domainsUntilMs) void readDomains()
      return domains.has(domain)
    },
    async first() {
      const all = await store.accounts.list()
      return all.toSorted((a, b) => a.id - b.id).find((account) => account.enabled)
    },
    close: unwatch,
  }
}
