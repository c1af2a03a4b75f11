import type { Answer } from '@posthorn/smtp'
import type { Account } from '@posthorn/storage'
import type { AddressClass, Known } from '../policy/address-book.ts'
import { type LookupTable, lookupMapping } from '../tables/index.ts'
import type { DirectMailboxes } from './direct-mailboxes.ts'
import { isDoubleBounce } from './double-bounce.ts'
import { findAccount } from './find-account.ts'
import { findAlias, isReserved, type LocalParts } from './local-delivery.ts'
import { localName } from './reach.ts'
import type { SenderRewriting } from './sender-rewriting.ts'
import { isStore, type TransportChoice } from './transport-choice.ts'
import type { VirtualAliases } from './virtual-aliases.ts'

export interface VerifyParts extends LocalParts {
  readonly virtual: VirtualAliases
  readonly relayRecipients: readonly LookupTable[]
  /** virtual_mailbox_maps. */
  readonly virtualMailboxes: readonly LookupTable[]
  /** Tables of local_recipient_maps beside aliases and accounts. */
  readonly localRecipients: readonly LookupTable[]
  readonly transports: TransportChoice
  readonly senderRewriting: SenderRewriting | undefined
  readonly now: () => number
  /** Whether canonical_maps or recipient_canonical_maps name the address. */
  readonly isRewritten: ((address: string) => boolean) | undefined
  readonly direct: DirectMailboxes
}

const known: Known = { kind: 'known' }

/** Whether a recipient of ours exists. Postfix: check_rcpt_maps(). Synchronous where the account is in the cache. */
export function verify(parts: VerifyParts, given: string): Answer<Known> {
  if (parts.direct.find(given) !== undefined) return known
  const { address, malformed } = parts.classes.unroute(given)
  if (malformed === true) return { kind: 'malformed' }
  if (parts.isRewritten?.(address) === true || parts.virtual.has(address)) return known
  if (parts.senderRewriting?.reverse(address, parts.now()) !== undefined) return known
  const domain = address.slice(address.lastIndexOf('@') + 1)
  const kind = parts.classes.classOf(domain)
  if (kind === 'virtual-alias') return { kind: 'unknown', table: 'virtual alias table' }
  const transport = parts.transports.choose(address, kind, () => '')
  if (transport?.transport === 'error' || transport?.transport === 'retry') {
    const [status = '', ...words] = transport.nextHop.split(' ')
    return { kind: 'refused', status: status.replace('.0.0', '.1.1'), text: words.join(' ') }
  }
  return verifyInClass(parts, address, kind, transport === undefined ? 'here' : 'elsewhere')
}

function verifyInClass(
  parts: VerifyParts,
  address: string,
  kind: Exclude<AddressClass, 'virtual-alias'>,
  place: 'here' | 'elsewhere',
): Answer<Known> {
  const { options } = parts
  const domain = address.slice(address.lastIndexOf('@') + 1)
  switch (kind) {
    case 'default':
      return known
    case 'relay':
      return verifyListed(parts, address, parts.relayRecipients, 'relay recipient table')
    case 'mailbox':
      if (place === 'elsewhere' && parts.classes.hasVirtualMailboxes(domain))
        return verifyListed(parts, address, parts.virtualMailboxes, 'virtual mailbox table')
      return verifyAccount(parts, address, domain, 'virtual mailbox table')
    case 'local': {
      if (options.localRecipients === 'any') return known
      // Another system's users are not in our accounts.
      const byLocalTransport = place === 'elsewhere' && !isStore(options.localTransport)
      return byLocalTransport ? known : verifyAccount(parts, address, domain, 'local recipient table')
    }
  }
}

/** Without a table everybody is taken: the next server knows. */
function verifyListed(
  { options }: VerifyParts,
  address: string,
  tables: readonly LookupTable[],
  table: string,
): Known {
  if (tables.length === 0) return known
  const how = { delimiter: options.recipientDelimiter ?? '', bareNames: 'no' } as const
  return lookupMapping(tables, address, how) === undefined ? { kind: 'unknown', table } : known
}

function verifyAccount(parts: VerifyParts, address: string, domain: string, table: string): Answer<Known> {
  const local = localName(address, parts.options.recipientDelimiter ?? '')
  if (isReserved(local.name) || isDoubleBounce(parts.options, local, parts.now())) return known
  if (table === 'local recipient table' && findAlias(parts.aliases, local) !== undefined) return known
  if (table === 'local recipient table' && parts.localRecipients.length > 0) {
    const how = { delimiter: parts.options.recipientDelimiter ?? '', bareNames: 'yes' } as const
    if (lookupMapping(parts.localRecipients, address, how) !== undefined) return known
  }
  const whole = parts.accounts.find(`${local.name}@${domain}`)
  if (!(whole instanceof Promise) && whole !== undefined) return known
  return findAccount(parts, local, domain).then(
    (found): Known => (found === undefined ? { kind: 'unknown', table } : known),
    (error: unknown): Known => {
      parts.log({ level: 'error', service: 'smtpd', text: `cannot look up ${address}`, error })
      return { kind: 'temporary', reason: 'account lookup failed' }
    },
  )
}

/** The account whose mailbox an address is, with no alias and no .forward between. */
export function mailboxOf(parts: VerifyParts, given: string): Answer<Account | undefined> {
  return parts.direct.find(given)?.account ?? mailboxBehind(parts, given)
}

async function mailboxBehind(parts: VerifyParts, given: string): Promise<Account | undefined> {
  const { address } = parts.classes.unroute(given)
  const domain = address.slice(address.lastIndexOf('@') + 1)
  const kind = parts.classes.classOf(domain)
  if ((kind !== 'local' && kind !== 'mailbox') || parts.virtual.has(address)) return undefined
  if (parts.isRewritten?.(address) === true) return undefined
  if (parts.transports.choose(address, kind, () => '') !== undefined) return undefined
  if (kind === 'local' && parts.localTransports.any) return undefined
  const local = localName(address, parts.options.recipientDelimiter ?? '')
  if (kind === 'local' && findAlias(parts.aliases, local) !== undefined) return undefined
  const found = await findAccount(parts, local, domain)
  if (found === undefined) return undefined
  const forwarding = await parts.forwards.find(found.account, found.extension)
  return forwarding.kind === 'none' ? found.account : undefined
}

/** Whether the account may write as that sender: his address with any extension, and what virtual aliases lead to him. */
export function owns(parts: VerifyParts, user: string, sender: string, delimiter: string): boolean {
  const address = parts.classes.complete(sender).toLowerCase()
  const domain = address.slice(address.lastIndexOf('@') + 1)
  const local = localName(address, delimiter)
  if (user === `${local.name}@${domain}` || user === `${local.user}@${domain}`) return true
  const expanded = parts.virtual.expand(address)
  return expanded.kind === 'addresses' && expanded.addresses.some((one) => one.toLowerCase() === user)
}
