import type { Log } from '@posthorn/mail'
import type { Account, Store } from '@posthorn/storage'
import { createAdministration } from './administration.ts'
import { createAuthenticator } from './authenticate.ts'
import type { Authenticator } from './authenticator.ts'
import { createKnownUsers } from './known-users.ts'
import { type AccountOptions, type CompleteOptions, completeOptions } from './options.ts'
import { createRecentReaders } from './recent-readers.ts'
import { noSources, type UserSources } from './sources/user-source.ts'

export interface AccountsParts {
  readonly store: Store
  /** ms since 1970. */
  readonly now: () => number
  readonly log: Log
  /** Asked at each use, so that a reload of the configuration acts at once. */
  readonly options: () => AccountOptions
  /** Waits out a penalty; replaced in tests. */
  readonly sleep?: (ms: number, signal?: AbortSignal) => Promise<void>
  /** Users and passwords beside the store; asked at each use. */
  readonly sources?: () => UserSources
}

export interface NewAccount {
  readonly address: string
  /** '' for one whose password somebody else checks. */
  readonly password: string | Uint8Array
  /** Instead of a password: as another system keeps it. Replaced by our own at the first good login. */
  readonly storedPassword?: string
  /** Octets; 0 = the server's mailbox_size_limit. */
  readonly quotaBytes?: number
  /** Messages; 0 = the server's quota_message_count. */
  readonly quotaMessages?: number
  readonly home?: string
}

export interface Accounts extends Authenticator {
  /**
   * The account an address names: exactly, or `user@D` for a D of mydestination as `user` at the default
   * domain. Case does not matter; extensions (`user+x`) and aliases are the router's.
   */
  find(address: string): Promise<Account | undefined>
  /** Whether somebody logged in by POP3 or IMAP from that address within `popBeforeSmtpMs`. All workers know. */
  hasReadMail(clientAddress: string): Promise<boolean>
  /** mydestination's plain names, the default domain, and domains added by command. */
  isLocalDomain(domain: string): Promise<boolean>
  localDomains(): Promise<readonly string[]>
  /** Throws AccountError, as all that follow. Adds the domain of the address to the store's when nothing else makes it local. */
  create(account: NewAccount): Promise<{ readonly account: Account; readonly domainAdded: boolean }>
  list(): Promise<readonly Account[]>
  setPassword(address: string, password: string | Uint8Array): Promise<Account>
  /** As another system keeps it: see storedPasswordProblem. */
  setStoredPassword(address: string, stored: string): Promise<Account>
  setEnabled(address: string, to: 'enabled' | 'disabled'): Promise<Account>
  setQuota(
    address: string,
    quota: { readonly quotaBytes?: number; readonly quotaMessages?: number },
  ): Promise<Account>
  /** With its mail, password and sharing. Adds the new address's domain as `create` does. */
  rename(address: string, to: string): Promise<Account>
  /** With all its mail. */
  remove(address: string): Promise<Account>
  addDomain(domain: string): Promise<boolean>
  removeDomain(domain: string): Promise<boolean>
}

/** Domains, users and their credentials. */
export function createAccounts(parts: AccountsParts): Accounts {
  const options = completed(parts.options)

  async function localDomains(): Promise<readonly string[]> {
    const { defaultDomain, localDomains, ownsDefaultDomain } = options()
    const own = ownsDefaultDomain === 'yes' ? [defaultDomain] : []
    return [...new Set([...own, ...localDomains, ...(await parts.store.accounts.domains())])]
  }

  async function isLocalDomain(domain: string): Promise<boolean> {
    return (await localDomains()).includes(domain.toLowerCase())
  }

  const sources = parts.sources ?? (() => noSources)
  const users = createKnownUsers({ ...parts, options, sources })
  const { find } = users
  const readers = createRecentReaders({ ...parts, options })
  return {
    ...readers.noting(createAuthenticator({ ...parts, options, sources, users, isLocalDomain })),
    hasReadMail: readers.has,
    ...createAdministration({ ...parts, options, find, localDomains }),
    find,
    localDomains,
    isLocalDomain,
  }
}

/** Asked several times a login, while the configuration is one object from reload to reload. */
function completed(options: () => AccountOptions): () => CompleteOptions {
  let given: AccountOptions | undefined
  let complete: CompleteOptions | undefined
  return () => {
    const now = options()
    if (complete === undefined || now !== given) {
      given = now
      complete = completeOptions(now)
    }
    return complete
  }
}
