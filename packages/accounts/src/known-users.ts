import { type Account, type Store, StoreError } from '@posthorn/storage'
import { domainOf, parseLogin } from './login-name.ts'
import type { CompleteOptions } from './options.ts'
import type { SourceUser, UserSource, UserSources } from './sources/user-source.ts'

/** Names asked for and not there: strangers try thousands. */
const absentForMs = 10_000
const absentLimit = 10_000

export interface KnownUsers {
  /**
   * The account of an address: of the store, or made now for a user whom a source knows. A user of the system
   * has no mailbox before his first mail or login.
   */
  find(address: string): Promise<Account | undefined>
  /** The canonical address: `user@D` for a D of mydestination is `user` at the default domain. */
  canonical(login: string): string
  /** For somebody whose password a source has taken. */
  make(address: string): Promise<Account>
}

export function createKnownUsers(parts: {
  readonly store: Store
  readonly now: () => number
  readonly options: () => CompleteOptions
  readonly sources: () => UserSources
}): KnownUsers {
  const { store, now } = parts
  const absent = new Map<string, number>()

  function canonical(login: string): string {
    const { defaultDomain, localDomains } = parts.options()
    if (!localDomains.includes(domainOf(login))) return login
    return `${login.slice(0, login.lastIndexOf('@'))}@${defaultDomain}`
  }

  async function make(address: string, user: SourceUser): Promise<Account> {
    try {
      return await store.accounts.create({
        address,
        passwordHash: '',
        enabled: true,
        quotaBytes: user.quotaBytes ?? 0,
        home: user.home,
      })
    } catch (error) {
      if (!(error instanceof StoreError) || error.kind !== 'account-exists') throw error
      // Another worker was quicker.
      const made = await store.accounts.find(address)
      if (made === undefined) throw error
      return made
    }
  }

  async function known(address: string, users: readonly UserSource[]): Promise<SourceUser | undefined> {
    const untilMs = absent.get(address) ?? 0
    if (untilMs > now() && untilMs <= now() + absentForMs) return undefined
    for (const source of users) {
      const user = await source.find?.(address)
      if (user !== undefined) return user
    }
    if (absent.size >= absentLimit) absent.clear()
    absent.set(address, now() + absentForMs)
    return undefined
  }

  return {
    canonical,
    make: async (address) => {
      const { users, passwords } = parts.sources()
      for (const source of [...users, ...passwords]) {
        const user = await source.find?.(address)
        if (user !== undefined) return make(address, user)
      }
      return make(address, { home: '' })
    },
    async find(address) {
      const login = parseLogin(address, parts.options().defaultDomain)
      if (login === undefined) return undefined
      const exact = await store.accounts.find(login)
      if (exact !== undefined) return exact
      const name = canonical(login)
      const shared = name === login ? undefined : await store.accounts.find(name)
      if (shared !== undefined) return shared
      const { users } = parts.sources()
      if (users.length === 0) return undefined
      const user = await known(name, users)
      return user === undefined ? undefined : make(name, user)
    },
  }
}
