import type { Account } from '@posthorn/storage'
import type { AddressClass } from '../policy/address-book.ts'
import type { AccountCache } from './account-cache.ts'
import { parseAliasValue } from './alias-value.ts'
import type { ForwardFiles } from './forward-files.ts'
import { aliasOwner, type FoundAlias, findAlias, isReserved } from './local-delivery.ts'
import { localName } from './reach.ts'
import type { VerifyParts } from './verify.ts'

/** An address that is a mailbox of ours and nothing else: no table, alias or .forward on the way. */
export interface DirectMailbox {
  readonly account: Account
  /** Completed. */
  readonly address: string
}

/** Where mail for an address goes: into its own mailbox, or one that its alias, or several in a row, name alone. */
export interface DirectWay extends DirectMailbox {
  readonly by: 'own' | 'alias'
}

export interface DirectMailboxes {
  /** undefined: not known to be one, and everything must be asked. */
  find(given: string): DirectMailbox | undefined
  /** The same, and what aliases lead to. */
  wayOf(given: string): DirectWay | undefined
}

/** Files on the way are looked at once a second, as by whoever reads them. */
const maxAgeMs = 1_000
const maxEntries = 20_000
/** More in a row are rare, or a circle. */
const maxAliases = 8

type Parts = Omit<VerifyParts, 'direct' | 'follow'> & {
  readonly accounts: AccountCache
  readonly forwards: ForwardFiles
}

/**
 * Most mail goes to these, thousands of times a second, and each recipient is asked about three times: whether
 * it exists, whether it has room, where it goes.
 */
export function createDirectMailboxes(parts: Parts): DirectMailboxes {
  const kept = new Map<string, { readonly way: DirectWay | undefined; readonly untilMs: number }>()
  let generation = parts.accounts.generation

  const wayOf = (given: string): DirectWay | undefined => {
    const nowMs = parts.now()
    if (generation !== parts.accounts.generation) {
      generation = parts.accounts.generation
      kept.clear()
    }
    const entry = kept.get(given)
    if (entry !== undefined && entry.untilMs > nowMs) return entry.way
    const way = look(parts, given, maxAliases)
    if (way === 'later') return undefined
    if (kept.size >= maxEntries) kept.clear()
    kept.set(given, { way, untilMs: nowMs + maxAgeMs })
    return way
  }

  return {
    wayOf,
    find(given) {
      const way = wayOf(given)
      return way?.by === 'own' ? way : undefined
    },
  }
}

/** 'later': an answer is not at hand; whoever asks the long way fetches it. */
function look(parts: Parts, given: string, aliasesLeft: number): DirectWay | undefined | 'later' {
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
  const alias = kind === 'local' ? findAlias(parts.aliases, local) : undefined
  if (alias !== undefined) {
    const target = aliasesLeft > 0 ? onlyTarget(parts, alias) : undefined
    const way = target === undefined ? undefined : look(parts, target, aliasesLeft - 1)
    return typeof way === 'object' ? { account: way.account, address, by: 'alias' } : way
  }
  const account = peekAccount(parts, local.name, domain, kind)
  if (account === 'later' || account === undefined) return account
  const forwarding = parts.forwards.peek(account)
  if (forwarding === undefined) return 'later'
  return forwarding.kind === 'none' ? { account, address, by: 'own' } : undefined
}

/** Of an alias that names one address, and nobody who hears of failures. */
function onlyTarget(parts: Parts, { name, value }: FoundAlias): string | undefined {
  if (aliasOwner(parts, name) !== undefined) return undefined
  const targets = parseAliasValue(value)
  const [target] = targets
  return targets.length === 1 && target?.kind === 'address'
    ? parts.classes.complete(target.address)
    : undefined
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
