import { type Account, type Store, StoreError } from '@posthorn/storage'
import { AccountError } from './account-error.ts'
import type { Accounts } from './accounts.ts'
import { asciiDomain, domainOf, parseLogin } from './login-name.ts'
import type { CompleteOptions } from './options.ts'
import { type Secrets, secretsOf, secretsOfNew } from './secrets.ts'

interface AdministrationParts {
  readonly store: Store
  readonly now: () => number
  readonly options: () => CompleteOptions
  readonly find: (address: string) => Promise<Account | undefined>
  readonly localDomains: () => Promise<readonly string[]>
}

type Administration = Pick<
  Accounts,
  | 'create'
  | 'rename'
  | 'list'
  | 'setPassword'
  | 'setStoredPassword'
  | 'setEnabled'
  | 'setQuota'
  | 'remove'
  | 'addDomain'
  | 'removeDomain'
>

/** What commands do to accounts and domains. */
export function createAdministration(parts: AdministrationParts): Administration {
  const { accounts } = parts.store

  async function existing(address: string): Promise<Account> {
    const account = await parts.find(address)
    if (account === undefined) throw new AccountError('no-such-account', `No such account: ${address}`)
    return account
  }

  /** Unlike a hash that is made anew, it ends what was begun with the one before. */
  const chosen = ({ passwordSetMs = 0 }: Account, secrets: Secrets) => ({
    ...secrets,
    passwordSetMs: Math.max(parts.now(), passwordSetMs + 1),
  })

  async function addDomain(domain: string): Promise<boolean> {
    const name = asciiDomain(domain.normalize('NFC'))
    if (name === undefined) throw new AccountError('invalid-address', `Not a domain name: ${domain}`)
    if ((await parts.localDomains()).includes(name)) return false
    await accounts.setDomains([...(await accounts.domains()), name].sort())
    return true
  }

  return {
    async rename(address, to) {
      const { id, address: before } = await existing(address)
      const name = parseLogin(to, parts.options().defaultDomain)
      if (name === undefined)
        throw new AccountError('invalid-address', `Not an address for an account: ${to}`)
      const other = await accounts.find(name)
      if (other !== undefined && other.id !== id)
        throw new AccountError('account-exists', `Account exists: ${name}`)
      if (name === before) return other as Account
      const renamed = await accounts.update(id, { address: name })
      await addDomain(domainOf(name))
      return renamed
    },
    async create(wanted) {
      const { address, quotaBytes = 0, quotaMessages = 0, home = '' } = wanted
      const name = parseLogin(address, parts.options().defaultDomain)
      if (name === undefined) {
        throw new AccountError('invalid-address', `Not an address for an account: ${address}`)
      }
      const taken = new AccountError('account-exists', `Account exists: ${name}`)
      if ((await accounts.find(name)) !== undefined) throw taken
      const secrets = await secretsOfNew(wanted, parts.options())
      try {
        const account = await accounts.create({
          address: name,
          ...secrets,
          enabled: true,
          quotaBytes,
          quotaMessages,
          home,
        })
        return { account, domainAdded: await addDomain(domainOf(name)) }
      } catch (error) {
        throw error instanceof StoreError && error.kind === 'account-exists' ? taken : error
      }
    },
    list: () => accounts.list(),
    async setPassword(address, password) {
      const account = await existing(address)
      return accounts.update(account.id, chosen(account, await secretsOf(password, parts.options())))
    },
    async setStoredPassword(address, storedPassword) {
      const account = await existing(address)
      const secrets = await secretsOfNew({ password: '', storedPassword }, parts.options())
      return accounts.update(account.id, chosen(account, secrets))
    },
    async setEnabled(address, to) {
      return accounts.update((await existing(address)).id, { enabled: to === 'enabled' })
    },
    async setQuota(address, quota) {
      return accounts.update((await existing(address)).id, quota)
    },
    async remove(address) {
      const account = await existing(address)
      await accounts.remove(account.id)
      return account
    },
    addDomain,
    async removeDomain(domain) {
      const name = asciiDomain(domain.normalize('NFC'))
      const domains = await accounts.domains()
      if (name === undefined || !domains.includes(name)) return false
      await accounts.setDomains(domains.filter((one) => one !== name))
      return true
    },
  }
}
