import { splitRecipientDelimiter } from '@posthorn/mail'
import type { AddressClass } from '../policy/address-book.ts'
import { type LookupTable, lookupFirst, lookupMapping, type Tables } from '../tables/index.ts'
import type { RoutingOptions } from './routing-options.ts'
import { errorTransport, parseTransport, remoteTransport, type Transport, withStatus } from './transport.ts'

/** How mail for an address travels. Postfix: trivial-rewrite(8). */
export interface TransportChoice {
  /** undefined: our mailboxes. Not asked about virtual alias domains, whose addresses all lead elsewhere. */
  choose(
    address: string,
    kind: Exclude<AddressClass, 'virtual-alias'>,
    sender: () => string,
  ): Transport | undefined
}

/** The null sender in tables. Postfix: empty_address_relayhost_maps_lookup_key. */
const nullSender = '<>'

/**
 * Opens transport_maps, relocated_maps, sender_dependent_relayhost_maps, sender_dependent_default_transport_maps.
 * Throws TableError.
 */
export function createTransportChoice(
  options: RoutingOptions,
  tables: Tables,
  isLocalDomain: (domain: string) => boolean,
): TransportChoice {
  const delimiter = options.recipientDelimiter ?? ''
  const transports = tables.openAll(options.transportMaps ?? [])
  const relocated = tables.openAll(options.relocatedMaps ?? [])
  const senderRelays = {
    maps: tables.openAll(options.senderDependentRelayhostMaps ?? []),
    nullKey: options.nullSenderKeys?.relayhost,
  }
  const senderTransports = {
    maps: tables.openAll(options.senderDependentDefaultTransportMaps ?? []),
    nullKey: options.nullSenderKeys?.defaultTransport,
  }
  const bareNames = (address: string): 'yes' | 'no' => (isLocalDomain(domainOf(address)) ? 'yes' : 'no')

  /** sender_dependent_*_maps: the address, then `@domain`; DUNNO ends the search. */
  function bySender(
    {
      maps,
      nullKey = nullSender,
    }: { readonly maps: readonly LookupTable[]; readonly nullKey?: string | undefined },
    sender: () => string,
    general: string,
  ): string {
    if (maps.length === 0) return general
    const address = sender()
    const key = address === '' ? nullKey : address
    const found = lookupMapping(maps, key, { delimiter, bareNames: bareNames(address) })?.value
    return found === undefined || /^dunno$/i.test(found) ? general : found
  }

  function byClass(domain: string, kind: AddressClass, sender: () => string): Transport {
    if (kind === 'mailbox') return ownTransport(options.virtualTransport ?? '', 'virtual', domain)
    if (kind === 'local') return ownTransport(options.localTransport ?? '', 'local', domain)
    const relayhost = bySender(senderRelays, sender, options.relayhost ?? '')
    return remoteTransport(domain, kind === 'relay' ? 'relay' : 'default', {
      relayhost,
      relayTransport: options.relayTransport ?? '',
      defaultTransport: bySender(senderTransports, sender, options.defaultTransport ?? ''),
    })
  }

  // Most sites: no table at all, and nothing to be made for a recipient of ours.
  const ours =
    transports.length === 0 && relocated.length === 0
      ? { mailbox: isStore(options.virtualTransport), local: isStore(options.localTransport) }
      : { mailbox: false, local: false }
  return {
    choose(address, kind, sender) {
      if ((kind === 'local' || kind === 'mailbox') && ours[kind]) return undefined
      const domain = domainOf(address)
      let transport = byClass(domain, kind, sender)
      if (transports.length > 0) {
        const entry = lookupTransport(transports, address, delimiter)
        if (entry !== undefined) transport = overridden(entry, transport, domain)
      }
      if (relocated.length > 0) {
        const moved = lookupMapping(relocated, address, { delimiter, bareNames: bareNames(address) })?.value
        if (moved !== undefined) transport = hasMoved(moved, options.relocatedPrefix ?? 'yes')
      }
      return transport.transport === 'local' || transport.transport === 'virtual' ? undefined : transport
    },
  }
}

/** RFC 3463 §3.2: X.1.6, destination mailbox has moved. Postfix: relocated_prefix_enable. */
const hasMoved = (value: string, prefix: 'yes' | 'no'): Transport =>
  prefix === 'yes'
    ? errorTransport('5.1.6', `User has moved to ${value}`)
    : withStatus({ transport: 'error', nextHop: value })

const domainOf = (address: string): string => address.slice(address.lastIndexOf('@') + 1)

/** Whether local_transport or virtual_transport means the store. */
export const isStore = (text = ''): boolean => /^(local|virtual)?(:|$)/.test(text)

/** local_transport, virtual_transport: our mailboxes unless it says otherwise. */
function ownTransport(text: string, own: 'local' | 'virtual', domain: string): Transport {
  if (text === '') return { transport: own, nextHop: domain }
  return withStatus(parseTransport(text, { transport: 'error', nextHop: domain }), '5.1.1')
}

/**
 * transport(5): a transport without next hop takes the domain's, `:nexthop` keeps the transport, `:` changes
 * nothing.
 */
function overridden(entry: string, before: Transport, domain: string): Transport {
  const named = parseTransport(entry, { transport: '', nextHop: '' })
  if (named.transport === '') return named.nextHop === '' ? before : { ...before, nextHop: named.nextHop }
  if (named.transport === 'error' || named.transport === 'retry') return withStatus(named)
  if (named.transport === 'discard') return named
  return { ...named, nextHop: named.nextHop === '' ? domain : named.nextHop }
}

/** transport(5): `user+ext@domain`, `user@domain`, `domain`, `.parent` of each parent, `*`. */
export function lookupTransport(
  tables: readonly LookupTable[],
  address: string,
  delimiter: string,
): string | undefined {
  const whole = lookupFirst(tables, address)
  if (whole !== undefined) return whole
  const fixed = tables.filter((table) => table.match === 'fixed')
  if (fixed.length === 0) return undefined
  const at = address.lastIndexOf('@')
  const domain = address.slice(at + 1)
  const { user, extension } = splitRecipientDelimiter(address.slice(0, at), delimiter)
  const plain = extension === undefined ? undefined : lookupFirst(fixed, `${user}@${domain}`)
  if (plain !== undefined) return plain
  const exact = lookupFirst(fixed, domain)
  if (exact !== undefined) return exact
  for (let dot = domain.indexOf('.', 1); dot !== -1; dot = domain.indexOf('.', dot + 1)) {
    const parent = lookupFirst(fixed, domain.slice(dot))
    if (parent !== undefined) return parent
  }
  return lookupFirst(fixed, '*')
}
