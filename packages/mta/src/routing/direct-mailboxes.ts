import type { Account } from '@posthorn/storage'
import type { AddressClass } from '../policy/address-book.ts'
import type { AccountCache } from './account-cache.ts'
import type { ForwardFiles } from './forward-files.ts'
import { findAlias, isReserved } from './local-delivery.ts'
import { localName } from './reach.ts'
import type { VerifyParts } from './verify.ts'

/** An address that is a mailbox of ours and nothing else: no table, alias or .forward on the way. */
export interface DirectMailbox {
  readonly account: Account
  /** Completed. */
  readonly address: string
}

export interface DirectMailboxes {
  /** undefined: not known to be one, and everything must be asked. */
  find(given: string): DirectMailbox | undefined
}

/** Files on the way are looked at once a second, as by whoever reads them. */
const maxAgeMs = 1_000
const maxEntries = 20_000

type Parts = Omit<VerifyParts, 'direct' | 'follow'> & {
  readonly accounts: AccountCache
  readonly forwards: ForwardFiles
}

/**
 * Most mail goes to these, thousands of times a second, and each recipient is asked about three times: whether
 * it exists, whether it has room, where it goes.
 */
export function createDirectMailboxes(parts: Parts): DirectMailboxes {
  const kept = new Map<string, { readonly mailbox: DirectMailbox | undefined; readonly untilMs: number }>()
  let generation = parts.accounts.generation

  return {
    find(given) {
      const nowMs = parts.now()
      if (generation !== parts.accounts.generation) {
        generation = parts.accounts.generation
        kept.clear()
      }
      const entry = kept.get(given)
      if (entry !== undefined && entry.untilMs > nowMs) return entry.mailbox
      const mailbox = look(parts, given)
      if (mailbox === 'later') return undefined
      if (kept.size >= maxEntries) kept.clear()
      kept.set(given, { mailbox, untilMs: nowMs + maxAgeMs })
      return mailbox
    },
  }
}

/** 'later': an answer is not at hand; whoever asks the long way fetches it. */
function look(parts: Parts, given: string): DirectMailbox | undefined | 'later' {
  const { address } = parts.classes.unroute(given)
  const domain = address.slice(address.lastIndexOf('@') + 1)
  const kind = parts.classes.classOf(domain)
  if (kind !== 'local' && kind !== 'mailbox') return undefined
  if (parts.isRewritten?.(address) === true || parts.virtual.has(address)) return undefined
  if (parts.senderRewriting?.reverse(address, parts.now()) !== undefined) return undefined
  if (parts.transports.choose(address, kind, () => '') !== undefined) return undefined
  if (kind === 'local' && parts.localTransports.any) return undefined
  const local = localName(address, parts.options.recipientDelimiter ?? '')
  if (local.extension !== undefined || isReserved(local.name)) return undefined
  if (kind === 'local' && findAlias(parts.aliases, local) !== undefined) return undefined
  const account = peekAccount(parts, local.name, domain, kind)
  if (account === 'later' || account === undefined) return account
  const forwarding = parts.forwards.peek(account)
  if (forwarding === undefined) return 'later'
  return forwarding.kind === 'none' ? { account, address } : undefined
}

/** As `findAccount` finds it: at the very domain, or at one of those that share their users. */
function peekAccount(
  { accounts, classes }: Parts,
  name: string,
  domain: string,
  kind: AddressClass,
): Account | undefined | 'later' {
  const others = kind === 'local' ? classes.shared.filter((shared) => shared !== domain) : []
  for (const each of [domain, ...others]) {
    const known = accounts.peek(`${name}@${each}`)
    if (known === undefined) return 'later'
    if (known.account !== undefined) return known.account
  }
  return undefined
}
