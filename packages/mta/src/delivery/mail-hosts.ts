import { resolve as resolvePath } from 'node:path'
import {
  type AddressFamily,
  addressesOf,
  type DnsAnswer,
  isHostName,
  type MxRecord,
  type Resolver,
  systemAddresses,
} from '@posthorn/dns'
import type { SmtpServerAddress } from '@posthorn/smtp'
import ipaddr from 'ipaddr.js'
import type { NextHop } from './next-hop.ts'
import { type SrvLookups, srvNameOf, srvOrder, withoutSrv } from './srv-hosts.ts'

export interface MailHostOptions {
  readonly resolver: Resolver
  /** Postfix: inet_protocols, smtp_address_preference. */
  readonly families: readonly AddressFamily[]
  readonly defaultPort: number
  /** Names of ours: myhostname. Lower case. */
  readonly isOwnName: (name: string) => boolean
  /** Interfaces of ours, proxy_interfaces, loopback: no stranger's MX may send our mail there. */
  readonly isOwnAddress: (address: string) => boolean
  /** Postfix: smtp_mx_address_limit; 0 = none. */
  readonly addressLimit: number
  /** Postfix: smtp_randomize_addresses. */
  readonly randomizeAddresses: 'yes' | 'no'
  /** Postfix: smtp_balance_inet_protocols. */
  readonly balanceProtocols: 'yes' | 'no'
  /** Postfix: smtp_host_lookup. */
  readonly hostLookup: readonly ('dns' | 'native')[]
  /** Postfix: disable_dns_lookups. */
  readonly mxLookups: 'yes' | 'no'
  /** Postfix: smtp_defer_if_no_mx_address_found. */
  readonly deferWithoutAddress?: 'yes' | 'no'
  /** Postfix: ignore_mx_lookup_error. */
  readonly ignoreMxErrors: 'yes' | 'no'
  /** Postfix: use_srv_lookup; undefined: never. */
  readonly srv?: SrvLookups | undefined
  /** An address in brackets that a sender wrote never leads to this machine. Default: the site. */
  readonly chosenBy?: 'recipient' | 'site'
  /** Where a relative UNIX socket is; default `/`. */
  readonly socketFolder?: string
  /** Gives numbers in [0, 1). */
  readonly random: () => number
}

export type MailHosts =
  | { readonly kind: 'servers'; readonly servers: readonly SmtpServerAddress[] }
  /** Status of class 4 or 5. */
  | { readonly kind: 'none'; readonly status: string; readonly text: string }

const none = (status: string, text: string): MailHosts => ({ kind: 'none', status, text })
const nameError = (name: string, type: string, what: string): string =>
  `Host or domain name not found. Name service error for name=${name} type=${type}: ${what}`

/** The servers to try, in order. RFC 5321 §5.1. */
export const mailHosts = async (nextHop: NextHop, options: MailHostOptions): Promise<MailHosts> => {
  if (nextHop.kind === 'unix') {
    const address = resolvePath(options.socketFolder ?? '/', nextHop.path)
    return { kind: 'servers', servers: [{ host: 'localhost', address, port: 0 }] }
  }
  const port = nextHop.port ?? options.defaultPort
  if (ipaddr.isValid(nextHop.name)) {
    if (nextHop.kind === 'host') {
      if (options.chosenBy === 'recipient' && options.isOwnAddress(nextHop.name))
        return none('5.4.6', `mail for [${nextHop.name}] loops back to myself`)
      return { kind: 'servers', servers: [{ host: nextHop.name, address: nextHop.name, port }] }
    }
    return none('5.4.4', nameError(nextHop.name, 'MX', 'Host not found'))
  }
  if (!isHostName(nextHop.name)) return none('5.4.4', nameError(nextHop.name, 'MX', 'Malformed name'))
  // A host in brackets is the administrator's word: it may well be on this machine.
  if (nextHop.kind === 'host' || options.mxLookups === 'no')
    return addressesOfHosts([{ preference: 0, exchange: nextHop.name }], nextHop.name, port, options)
  const ownHosts = nextHop.port === undefined ? 'guard' : 'configured'
  const found = await srvHosts(nextHop, ownHosts, options)
  return found === 'mx' ? await mxHosts(nextHop.name, port, ownHosts, options) : found
}

/** 'mx': the domain is looked up as others are. */
const srvHosts = async (
  hop: Extract<NextHop, { kind: 'domain' }>,
  ownHosts: 'guard' | 'configured',
  options: MailHostOptions,
): Promise<MailHosts | 'mx'> => {
  const name = srvNameOf(hop, options.srv)
  if (name === undefined || options.srv === undefined) return 'mx'
  const answer = await options.resolver.srv(name)
  if (answer.kind !== 'records') {
    const verdict = withoutSrv(answer, options.srv)
    if (verdict === 'mx') return 'mx'
    return verdict === 'deferred'
      ? none('4.4.3', nameError(name, 'SRV', 'Host not found, try again'))
      : none('5.4.4', nameError(name, 'SRV', 'Host not found'))
  }
  const available = answer.records.filter(({ target }) => target !== '')
  if (available.length === 0) return none('5.4.4', `Service ${name} is not available`)
  const hosts = srvOrder(available, options.random).map(({ target, port }, preference) => ({
    preference,
    exchange: target,
    port,
  }))
  return await serversOf(hosts, hop.name, hosts[0]?.port ?? 0, ownHosts, options)
}

const mxHosts = async (
  domain: string,
  port: number,
  ownHosts: 'guard' | 'configured',
  options: MailHostOptions,
): Promise<MailHosts> => {
  const answer = await options.resolver.mx(domain)
  if (answer.kind === 'temporary' && options.ignoreMxErrors === 'no')
    return none('4.4.3', nameError(domain, 'MX', 'Host not found, try again'))
  if (answer.kind === 'nxdomain') return none('5.4.4', nameError(domain, 'MX', 'Host not found'))
  let records: readonly MxRecord[] = [{ preference: 0, exchange: domain }]
  if (answer.kind === 'records') {
    // RFC 7505 §4: and RFC 3463's status for it.
    if (answer.records.some(({ exchange }) => exchange === '')) {
      const others = answer.records.filter(({ exchange }) => exchange !== '')
      if (others.length === 0) return none('5.1.10', `Domain ${domain} does not accept mail (nullMX)`)
      records = others
    } else records = answer.records
  }
  const ordered = order(records, options.randomizeAddresses === 'yes' ? options.random : () => 0)
  return await serversOf(ordered, domain, port, ownHosts, options)
}

const serversOf = async (
  ordered: readonly Exchange[],
  domain: string,
  port: number,
  ownHosts: 'guard' | 'configured',
  options: MailHostOptions,
): Promise<MailHosts> => {
  const found = await addressesOfHosts(ordered, domain, port, options)
  if (found.kind === 'none') return found
  if (ownHosts === 'configured') return { kind: 'servers', servers: limited(found.servers, options) }
  return withoutOurselves(found.servers, ordered, domain, options)
}

/** By SRV with a port of its own. */
type Exchange = MxRecord & { readonly port?: number }

/** By preference; equals in random order. RFC 5321 §5.1. */
const order = (records: readonly MxRecord[], random: () => number): MxRecord[] =>
  records
    .map((record) => ({ record, lot: random() }))
    .sort((a, b) => a.record.preference - b.record.preference || a.lot - b.lot)
    .map(({ record }) => record)

/** Before the limit is applied: servers behind ourselves go first. */
const maxServers = 100

/** Postfix: smtp_host_lookup: each way in turn while the one before found no such host. */
const addressesOfHost = async (
  name: string,
  { resolver, families, hostLookup }: MailHostOptions,
): Promise<DnsAnswer<string>> => {
  let answer: DnsAnswer<string> = { kind: 'nodata', ttlMs: 0 }
  for (const way of hostLookup) {
    answer = await (way === 'dns' ? addressesOf(resolver, name, families) : systemAddresses(name, families))
    if (answer.kind === 'records' || answer.kind === 'temporary') break
  }
  return answer
}

/**
 * The first servers up to the limit. With addresses of both kinds at least one of each is among them: a host with
 * five IPv6 addresses must not hide that IPv4 works.
 */
const limited = (
  servers: readonly SmtpServerAddress[],
  { addressLimit, balanceProtocols }: MailHostOptions,
): readonly SmtpServerAddress[] => {
  if (addressLimit === 0 || servers.length <= addressLimit) return servers
  const kind = ({ address }: SmtpServerAddress): boolean => address.includes(':')
  const first = servers.slice(0, addressLimit)
  const other = servers.find((server) => kind(server) !== kind(servers[0] as SmtpServerAddress))
  const missing = other !== undefined && !first.includes(other)
  return missing && balanceProtocols === 'yes' && addressLimit > 1 ? [...first.slice(0, -1), other] : first
}

const notFound = 'Host not found'
/** The name is there: whoever looks for a mistake in it looks in vain. In Postfix's words. */
const noAddress = 'Host found but no data record of requested type'

const addressesOfHosts = async (
  hosts: readonly Exchange[],
  domain: string,
  port: number,
  options: MailHostOptions,
): Promise<MailHosts> => {
  const servers: SmtpServerAddress[] = []
  let temporary = false
  let what = notFound
  for (const { exchange, port: itsOwn = port } of hosts) {
    // RFC 5321 §5.1 wants names; an address as MX exchange is a mistake that Postfix refuses too.
    const answer = await addressesOfHost(exchange, options)
    if (answer.kind === 'temporary') temporary = true
    what = answer.kind === 'nodata' ? noAddress : notFound
    if (answer.kind !== 'records') continue
    for (const address of answer.records) servers.push({ host: exchange, address, port: itsOwn })
    if (servers.length >= maxServers) break
  }
  if (servers.length > 0) return { kind: 'servers', servers: servers.slice(0, maxServers) }
  const name = hosts.at(-1)?.exchange ?? domain
  return temporary
    ? none('4.4.3', nameError(name, 'A', 'Host not found, try again'))
    : none(options.deferWithoutAddress === 'yes' ? '4.4.4' : '5.4.4', nameError(name, 'A', what))
}

/** RFC 5321 §5.1: only servers preferred to ourselves; without any the mail would come back. */
const withoutOurselves = (
  servers: readonly SmtpServerAddress[],
  records: readonly MxRecord[],
  domain: string,
  options: MailHostOptions,
): MailHosts => {
  const preference = new Map(records.map(({ exchange, preference }) => [exchange, preference]))
  const own = servers.find(({ host, address }) => options.isOwnName(host) || options.isOwnAddress(address))
  const limit = own === undefined ? Number.POSITIVE_INFINITY : (preference.get(own.host) ?? 0)
  const better = servers.filter(({ host }) => (preference.get(host) ?? 0) < limit)
  if (better.length === 0) return none('5.4.6', `mail for ${domain} loops back to myself`)
  return { kind: 'servers', servers: limited(better, options) }
}
