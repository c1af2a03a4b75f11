import { formatAddress, hiddenRoute, parseAddress } from '@posthorn/mail'
import type { AddressClass, Destination } from '../policy/address-book.ts'
import {
  asciiName,
  createDomainList,
  type DomainList,
  lookupFirst,
  parseAddress as parseIp,
  type TableContext,
  type Tables,
} from '../tables/index.ts'
import type { AccountCache } from './account-cache.ts'
import type { RoutingOptions } from './routing-options.ts'

export interface AddressClasses {
  /** With a domain, the domain in lower case. */
  complete(address: string): string
  classOf(domain: string): AddressClass
  /** In mydestination, or the default domain. */
  isLocal(domain: string): boolean
  /** In virtual_mailbox_domains. */
  hasVirtualMailboxes(domain: string): boolean
  /** The default domain and those that mydestination names: they share their users, in this order. */
  readonly shared: readonly string[]
  classify(address: string): Destination
  /**
   * What an address at one of our domains really means: `user%host@us` → `user@host`. Anything else
   * unchanged. Postfix: allow_percent_hack, swap_bangpath, resolve_dequoted_address.
   */
  unroute(address: string): Unrouted
}

interface Unrouted {
  readonly address: string
  readonly routed: boolean
  /** Its way names an empty domain (`user%@us`). Postfix: resolve_null_domain. */
  readonly malformed?: true
}

const maxRouteDepth = 10
/** Asked one after the other for an unknown user. */
const maxSharedDomains = 20

export function createAddressClasses(
  options: RoutingOptions,
  accounts: Pick<AccountCache, 'isLocalDomain'>,
  context: TableContext & { readonly tables: Tables },
): AddressClasses {
  const destinations = createDomainList(options.mydestination, context)
  const defaultDomain = (options.defaultDomain ?? options.myorigin).toLowerCase()
  const virtualMaps = context.tables.openAll(options.virtualAliasMaps ?? [])
  const virtualDomains: Pick<DomainList, 'has'> =
    options.virtualAliasDomains === undefined
      ? { has: (domain) => virtualMaps.length > 0 && lookupFirst(virtualMaps, domain) !== undefined }
      : createDomainList(options.virtualAliasDomains, context)
  const mailboxDomains = createDomainList(options.virtualMailboxDomains ?? [], context)
  const relayDomains = createDomainList(options.relayDomains ?? [], context, {
    parentMatchesSubdomains: options.relayDomainsMatchSubdomains ?? 'yes',
  })

  const read = { percent: options.percentHack ?? 'yes', bang: options.swapBangpath ?? 'yes' }
  const rewritingDomain = options.senderRewriting?.domain.toLowerCase()

  // Headers are rewritten by it while a message streams in: nobody can wait there.
  for (const item of options.mydestination)
    if (/^!?[a-z]+:/i.test(item)) context.tables.openAll([item.replace(/^!/, '')], 'mydestination')

  function isLocal(domain: string): boolean {
    if (domain.startsWith('[')) return isOwnLiteral(domain, options)
    // With an empty mydestination (a null client) myorigin is somebody else's domain.
    const isDefault = domain === defaultDomain && options.mydestination.length > 0
    return isDefault || destinations.has(domain)
  }

  function classOf(domain: string): AddressClass {
    if (isLocal(domain)) return 'local'
    if (domain.startsWith('[')) return 'default'
    if (accounts.isLocalDomain(domain) || mailboxDomains.has(domain)) return 'mailbox'
    if (virtualDomains.has(domain) || domain === rewritingDomain) return 'virtual-alias'
    return relayDomains.has(domain) ? 'relay' : 'default'
  }

  function complete(address: string): string {
    const at = address.lastIndexOf('@')
    // A quoted local part may hold an @ and no domain follow.
    if (at === -1 || address.endsWith('"')) return address === '' ? '' : `${address}@${options.myorigin}`
    const domain = asciiName(address.slice(at + 1))
    if (domain === '') return `${address.slice(0, at)}@${options.myorigin}`
    const dotted =
      options.appendDotMydomain === 'yes' && !domain.includes('.') && !domain.startsWith('[')
        ? `${domain}.${options.mydomain}`
        : domain
    return `${address.slice(0, at + 1)}${dotted.endsWith('.') ? dotted.slice(0, -1) : dotted}`
  }

  function unroute(given: string): Unrouted {
    let address = complete(given)
    if (!mayHideRoute(address)) return { address, routed: false }
    let steps = 0
    // Postfix: resolve_addr(): whoever may not relay may not say what looks like a way through us either.
    const isPlain = read.percent === 'yes' && read.bang === 'yes'
    let byRelay = false
    for (; steps < maxRouteDepth; steps++) {
      const parsed = parseAddress(address)
      if (parsed === undefined) break
      const kind = classOf(parsed.domain.toLowerCase())
      const hidden = isOurs(kind) ? hiddenRoute(parsed.local, read) : undefined
      if (hidden === undefined) break
      if (options.nullDomain !== 'yes' && namesNullDomain(parsed.local))
        return { address, routed: false, malformed: true }
      // From one domain of ours to another nobody is relayed; what a next server makes of it is not for us to say.
      byRelay ||= kind === 'relay'
      address = complete(formatAddress(hidden.address))
    }
    const domain = address.slice(address.lastIndexOf('@') + 1)
    const isTrusted = options.untrustedRouting === 'yes'
    const leadsOut = steps > 0 && (byRelay || classOf(domain) === 'default')
    return { address, routed: !isTrusted && (leadsOut || (!isPlain && mayHideRoute(address))) }
  }

  const named = destinations.names.filter((name) => name !== defaultDomain)
  return {
    complete,
    classOf,
    isLocal,
    hasVirtualMailboxes: (domain) => mailboxDomains.has(domain),
    shared: [defaultDomain, ...named.slice(0, maxSharedDomains)],
    unroute,
    classify(given) {
      const { address, routed } = unroute(given)
      const domain = address.slice(address.lastIndexOf('@') + 1)
      return { class: classOf(domain), routed, domain }
    },
  }
}

const isOurs = (kind: AddressClass): boolean => kind !== 'default'

const namesNullDomain = (local: string): boolean => local.startsWith('!') || /[%@]$/.test(local)

function mayHideRoute(address: string): boolean {
  const at = address.lastIndexOf('@')
  for (let i = 0; i < at; i++) {
    const char = address[i]
    if (char === '%' || char === '!' || char === '@') return true
  }
  return false
}

/** RFC 5321 §4.1.3. */
function isOwnLiteral(domain: string, options: RoutingOptions): boolean {
  const address = parseIp(domain.slice(1, -1).replace(/^ipv6:/i, ''))?.toString()
  if (address === undefined) return false
  return (options.localAddresses?.() ?? []).some((own) => parseIp(own)?.toString() === address)
}
