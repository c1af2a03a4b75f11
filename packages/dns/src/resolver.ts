/** Questions that a mail server asks of DNS, with every outcome as a value: nothing here throws. */

/** RFC 2308: `nxdomain` = no such name, `nodata` = the name has no such record; `temporary` = ask again later. */
export type DnsAnswer<T> =
  | { readonly kind: 'records'; readonly records: readonly T[]; readonly ttlMs: number }
  | { readonly kind: 'nxdomain'; readonly ttlMs: number }
  | { readonly kind: 'nodata'; readonly ttlMs: number }
  | { readonly kind: 'temporary'; readonly reason: string }

export interface MxRecord {
  readonly preference: number
  /** Lower case, no final dot; '' for the null MX (RFC 7505 §3). */
  readonly exchange: string
}

/** RFC 6698 §2.1. */
export interface TlsaRecord {
  readonly usage: number
  readonly selector: number
  readonly matchingType: number
  readonly data: Uint8Array
}

/** RFC 2782. */
export interface SrvRecord {
  readonly priority: number
  readonly weight: number
  readonly port: number
  /** Lower case, no final dot; '' where the service is decidedly not available. */
  readonly target: string
}

export type AddressFamily = 'ipv4' | 'ipv6'

/**
 * Names are given without a final dot, in ASCII (A-labels). Records that are malformed (a PTR with
 * blanks, an MX to a label of 64 octets) are left out: what DNS says is a stranger's text.
 */
export interface Resolver {
  /** Ordered by preference. A null MX is one record with an empty exchange. */
  mx(domain: string): Promise<DnsAnswer<MxRecord>>
  a(name: string): Promise<DnsAnswer<string>>
  aaaa(name: string): Promise<DnsAnswer<string>>
  /** Names that the reverse zone gives for an IPv4 or IPv6 address; unverified. */
  ptr(address: string): Promise<DnsAnswer<string>>
  /** Each record with its strings joined (RFC 7208 §3.3); octets above 127 as they came, one a character. */
  txt(name: string): Promise<DnsAnswer<string>>
  tlsa(name: string): Promise<DnsAnswer<TlsaRecord>>
  ns(domain: string): Promise<DnsAnswer<string>>
  /** By `_service._tcp.domain`; in no order. */
  srv(name: string): Promise<DnsAnswer<SrvRecord>>
}

export type Question = keyof Resolver

/** Addresses of a name in the order asked for; a temporary fault counts only when nothing was found. */
export async function addressesOf(
  resolver: Resolver,
  name: string,
  families: readonly AddressFamily[] = ['ipv6', 'ipv4'],
): Promise<DnsAnswer<string>> {
  const answers = await Promise.all(
    families.map((family) => (family === 'ipv4' ? resolver.a(name) : resolver.aaaa(name))),
  )
  const records: string[] = []
  let ttlMs = Number.POSITIVE_INFINITY
  for (const answer of answers) {
    if (answer.kind !== 'records') continue
    records.push(...answer.records)
    ttlMs = Math.min(ttlMs, answer.ttlMs)
  }
  if (records.length > 0) return { kind: 'records', records, ttlMs }
  return (
    answers.find((answer) => answer.kind === 'temporary') ??
    answers.find((answer) => answer.kind === 'nodata') ??
    answers[0] ?? { kind: 'nodata', ttlMs: 0 }
  )
}
