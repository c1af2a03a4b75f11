import { type Account, type AccountId, type Store, StoreError } from '@posthorn/storage'

/** For tests: the part of the store that accounts uses, in a Map, so that time is only the hash's. */
export function createStoreFixture(now: () => number = () => 0): Store {
  const rows = new Map<AccountId, Account>()
  const counts = new Map<string, { count: number; untilMs: number }>()
  let domains: readonly string[] = []
  const row = (id: AccountId): Account => {
    const account = rows.get(id)
    if (account === undefined) throw new StoreError('no-such-account', `No account ${id}`)
    return account
  }
  const part = {
    accounts: {
      async create(account: Omit<Account, 'id' | 'createdMs'>) {
        if ([...rows.values()].some(({ address }) => address === account.address))
          throw new StoreError('account-exists', `Account ${account.address} exists`)
        const made = { ...account, id: (rows.size + 1) as AccountId, createdMs: now() }
        rows.set(made.id, made)
        return made
      },
      get: async (id: AccountId) => rows.get(id),
      find: async (address: string) => [...rows.values()].find((one) => one.address === address),
      list: async () => [...rows.values()],
      async update(id: AccountId, change: Partial<Account>) {
        const changed = { ...row(id), ...change }
        rows.set(id, changed)
        return changed
      },
      async remove(id: AccountId) {
        rows.delete(row(id).id)
      },
      domains: async () => domains,
      async setDomains(to: readonly string[]) {
        domains = to
      },
    },
    counters: {
      async add(key: string, amount: number, nowMs: number, windowMs: number) {
        const old = counts.get(key)
        const alive = old !== undefined && old.untilMs > nowMs
        const count = (alive ? old.count : 0) + amount
        counts.set(key, { count, untilMs: alive ? old.untilMs : nowMs + windowMs })
        return count
      },
      async get(key: string, nowMs: number) {
        const old = counts.get(key)
        return old !== undefined && old.untilMs > nowMs ? old.count : 0
      },
      async reset(key: string) {
        counts.delete(key)
      },
    },
  }
  return part as unknown as Store
}
