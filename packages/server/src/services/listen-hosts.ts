import { networkInterfaces } from 'node:os'
import type { Config } from '../config/config.ts'

type Family = 'ipv4' | 'ipv6'

const hasIpv6 = (): boolean =>
  Object.values(networkInterfaces()).some((list) => list?.some((one) => one.family === 'IPv6') ?? false)

/** Postfix: inet_protocols. A machine without IPv6 is IPv4-only without a word in the log. */
function families(protocols: readonly string[], ipv6Here: boolean): ReadonlySet<Family> {
  const named = protocols.length === 0 || protocols.includes('all') ? ['ipv4', 'ipv6'] : protocols
  const wanted = new Set<Family>()
  if (named.includes('ipv4')) wanted.add('ipv4')
  if (named.includes('ipv6') && (ipv6Here || !named.includes('ipv4'))) wanted.add('ipv6')
  return wanted
}

function every(wanted: ReadonlySet<Family>): readonly string[] {
  // One dual-stack socket: IPv4 clients are shown by their IPv4 address all the same.
  if (wanted.has('ipv6')) return ['::']
  return ['0.0.0.0']
}

function loopback(wanted: ReadonlySet<Family>): readonly string[] {
  return [...(wanted.has('ipv4') ? ['127.0.0.1'] : []), ...(wanted.has('ipv6') ? ['::1'] : [])]
}

function familyOf(host: string): Family | undefined {
  if (host.includes(':')) return 'ipv6'
  return /^[0-9.]+$/.test(host) ? 'ipv4' : undefined
}

/** Addresses to listen on for a list of inet_interfaces' words: `all`, `loopback-only`, `*`, `::`, addresses, names. */
export function listenHosts(
  words: readonly string[],
  protocols: readonly string[],
  ipv6Here = hasIpv6(),
): readonly string[] {
  const wanted = families(protocols, ipv6Here)
  const hosts = new Set<string>()
  for (const word of words) {
    const bare = word.replace(/^\[(.*)\]$/, '$1')
    if (bare === 'all') for (const host of every(wanted)) hosts.add(host)
    else if (bare === 'loopback-only' || bare === 'localhost')
      for (const host of loopback(wanted)) hosts.add(host)
    else if (bare === '*') hosts.add('0.0.0.0')
    else {
      const family = familyOf(bare)
      if (family === undefined || wanted.has(family)) hosts.add(bare)
    }
  }
  // '::' takes IPv4 too; a second socket on the same port would be in use.
  if (hosts.has('::')) hosts.delete('0.0.0.0')
  return [...hosts]
}

/** Where SMTP listens. Postfix: inet_interfaces. */
export const smtpHosts = ({ values }: Config): readonly string[] =>
  listenHosts(values.inet_interfaces, values.inet_protocols)

/** Where POP3 and IMAP listen. Dovecot: listen; when that is not set, where SMTP does. */
export function readingHosts(config: Config): readonly string[] {
  const { listen, inet_interfaces, inet_protocols } = config.values
  return listenHosts(config.isSet('listen') ? listen : inet_interfaces, inet_protocols)
}
