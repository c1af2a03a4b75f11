import type { Account } from '@posthorn/storage'
import type { AccountCache } from './account-cache.ts'
import type { AddressClasses } from './address-classes.ts'
import type { CatchAll } from './catch-all.ts'
import type { LocalName } from './reach.ts'

/** Where accounts are looked for. */
export interface AccountParts {
  readonly accounts: AccountCache
  readonly classes: AddressClasses
  /** `@domain` in virtual_mailbox_maps. */
  readonly catchAll?: CatchAll | undefined
}

/**
 * The account a local part names at a domain, the extended name first. All domains of mydestination have
 * the same users (Postfix: local_recipient_maps); an account of the very domain comes first.
 */
export async function findAccount(
  parts: AccountParts,
  local: LocalName,
  domain: string,
): Promise<{ readonly account: Account; readonly extension: string | undefined } | undefined> {
  const found = await findAccountAt(parts.accounts, local, domain)
  if (found !== undefined) return found
  if (parts.classes.classOf(domain) !== 'local') return await findCatchAll(parts, domain)
  for (const shared of parts.classes.shared) {
    const other = shared === domain ? undefined : await findAccountAt(parts.accounts, local, shared)
    if (other !== undefined) return other
  }
  return undefined
}

async function findCatchAll(
  { accounts, classes, catchAll }: AccountParts,
  domain: string,
): Promise<{ readonly account: Account; readonly extension: undefined } | undefined> {
  const address = classes.hasVirtualMailboxes(domain) ? catchAll?.(domain) : undefined
  const account = address === undefined ? undefined : await accounts.find(address)
  return account === undefined ? undefined : { account, extension: undefined }
}

async function findAccountAt(
  accounts: AccountCache,
  local: LocalName,
  domain: string,
): Promise<{ readonly account: Account; readonly extension: string | undefined } | undefined> {
  const whole = await accounts.find(`${local.name}@${domain}`)
  if (whole !== undefined) return { account: whole, extension: undefined }
  if (local.extension === undefined) return undefined
  const account = await accounts.find(`${local.user}@${domain}`)
  return account === undefined ? undefined : { account, extension: local.extension }
}
