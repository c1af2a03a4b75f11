import type { AccountId } from './ids.ts'

export interface Account {
  readonly id: AccountId
  /** Lower-case `local@domain`. */
  readonly address: string
  /** PHC string ($argon2id$…), the hash of another system, or '' for an account without a password here. */
  readonly passwordHash: string
  /** RFC 5803; '' or absent: cannot log in by SCRAM. */
  readonly scramVerifier?: string
  /** When somebody chose it, ms since 1970, never the same twice; absent: with the account, or before this was kept. */
  readonly passwordSetMs?: number
  readonly enabled: boolean
  /** Octets; 0 = no limit of its own (the server's mailbox_size_limit applies). */
  readonly quotaBytes: number
  /** Messages; 0 or absent = no limit of its own (the server's quota_message_count applies). */
  readonly quotaMessages?: number
  readonly createdMs: number
  /** Where `.forward` lives; '' = by the server's home_directory parameter. */
  readonly home: string
}

export interface AccountStore {
  create(account: Omit<Account, 'id' | 'createdMs'>): Promise<Account>
  get(id: AccountId): Promise<Account | undefined>
  find(address: string): Promise<Account | undefined>
  list(): Promise<readonly Account[]>
  update(id: AccountId, change: Partial<Omit<Account, 'id' | 'createdMs'>>): Promise<Account>
  /** Removes the account with its mailboxes and messages. */
  remove(id: AccountId): Promise<void>
  /** Local domains added by command (beside main.cf's), lower case. */
  domains(): Promise<readonly string[]>
  setDomains(domains: readonly string[]): Promise<void>
}
