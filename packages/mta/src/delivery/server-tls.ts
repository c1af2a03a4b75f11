import type { SecureResolver, TlsaRecord } from '@posthorn/dns'
import type { CertificateDemand, ClientTlsLevel, ClientTlsSettings, SmtpServerAddress } from '@posthorn/smtp'
import ipaddr from 'ipaddr.js'
import type { NextHop } from './next-hop.ts'
import type { TlsPolicy } from './tls-policy.ts'

/** How to speak with one server, or why not. */
export type ServerTls =
  | {
      readonly kind: 'use'
      readonly level: ClientTlsLevel
      readonly certificate: CertificateDemand
      readonly serverName?: string
    }
  | {
      readonly kind: 'skip'
      readonly status: string
      readonly text: string
      /** RFC 8460 §4.3.2.1 */
      readonly result?: 'dnssec-invalid' | 'dane-required'
    }

export interface ServerTlsOptions {
  readonly policy: TlsPolicy
  readonly hop: NextHop
  readonly secure: SecureResolver | undefined
  /** The domain's MX records were signed; 'none': it has none, or none were asked for. */
  readonly mx: 'secure' | 'insecure' | 'none'
  /** smtp_tls_dane_insecure_mx_policy */
  readonly insecureMx: 'dane' | 'encrypt' | 'may'
  /** Postfix: smtp_tls_fingerprint_digest. */
  readonly digest: string
  /** Postfix: smtp_tls_verify_cert_match, smtp_tls_secure_cert_match. */
  readonly verifyMatch: readonly string[]
  readonly secureMatch: readonly string[]
  /** RFC 8461: the host is in an enforced policy. */
  readonly sts: 'enforced' | 'none'
}

type UsedTls = Extract<ServerTls, { kind: 'use' }>

const use = (level: ClientTlsLevel, certificate: CertificateDemand = {}): UsedTls => ({
  kind: 'use',
  level,
  certificate,
})

/** What the policy of a destination demands of one of its servers. Postfix: smtp_tls_policy(3). */
export const tlsForServer = async (
  server: SmtpServerAddress,
  options: ServerTlsOptions,
): Promise<ServerTls> => {
  const { policy } = options
  if (policy.level === 'dane' || policy.level === 'dane-only') return daneFor(server, options)
  if (policy.level === 'fingerprint') {
    return use('fingerprint', { fingerprints: policy.match, digest: options.digest })
  }
  if (policy.level === 'verify' || policy.level === 'secure') {
    const words = policy.match.length > 0 ? policy.match : own(policy.level, options)
    return use('verify', { names: namesOf(words, server, options.hop) })
  }
  return byStrictTransport(server, options, policy.level)
}

const own = (level: 'verify' | 'secure', { verifyMatch, secureMatch }: ServerTlsOptions) =>
  level === 'verify' ? verifyMatch : secureMatch

const byStrictTransport = (
  { host }: SmtpServerAddress,
  { sts }: ServerTlsOptions,
  level: 'none' | 'may' | 'encrypt',
): ServerTls => (sts === 'enforced' && level !== 'none' ? use('verify', { names: [host] }) : use(level))

/** `hostname`, `nexthop`, `dot-nexthop`; anything else is a name itself. */
const namesOf = (words: readonly string[], { host }: SmtpServerAddress, hop: NextHop): string[] => {
  const next = hop.kind === 'unix' ? host : hop.name
  return words.flatMap((word) => {
    if (word === 'hostname') return [host]
    if (word === 'nexthop') return [next]
    if (word === 'dot-nexthop') return [`.${next}`]
    return [word]
  })
}

/** RFC 7672 §2.2: only secure records count, and what cannot be known means that the server is not used. */
const daneFor = async (server: SmtpServerAddress, options: ServerTlsOptions): Promise<ServerTls> => {
  const { policy, secure, mx, insecureMx } = options
  const only = policy.level === 'dane-only'
  if (secure === undefined || ipaddr.isValid(server.host)) return withoutDane(server, options, 'no DNSSEC')
  if (mx === 'insecure' && insecureMx !== 'dane' && !only)
    return byStrictTransport(server, options, insecureMx)
  const found = await tlsaOf(secure, server)
  if (found.kind === 'temporary') {
    const text = `TLSA lookup error for ${server.host}:${server.port}: ${found.reason}`
    return { kind: 'skip', status: '4.7.5', text, result: 'dnssec-invalid' }
  }
  if (found.kind === 'none') return withoutDane(server, options, 'no TLSA records found')
  const associations = found.records.filter(isUsable)
  if (associations.length === 0) {
    // RFC 7672 §2.2: records that say nothing we understand still ask for TLS.
    return only ? withoutDane(server, options, 'no usable TLSA records') : use('encrypt')
  }
  const nextHop = options.hop.kind === 'domain' && mx !== 'insecure' ? [options.hop.name] : []
  const names = [...new Set([found.baseDomain, server.host, ...nextHop])]
  return { ...use('dane', { associations, names }), serverName: found.baseDomain }
}

const withoutDane = (server: SmtpServerAddress, options: ServerTlsOptions, why: string): ServerTls => {
  if (options.policy.level !== 'dane-only') return byStrictTransport(server, options, 'may')
  return {
    kind: 'skip',
    status: '4.7.5',
    text: `DANE is required for ${server.host}, but ${why}`,
    result: 'dane-required',
  }
}

/** RFC 7672 §3.1.3: PKIX usages say nothing between mail servers. */
const isUsable = ({ usage, selector, matchingType, data }: TlsaRecord): boolean => {
  const lengths = [0, 32, 64]
  const length = lengths[matchingType]
  return (
    (usage === 2 || usage === 3) &&
    selector <= 1 &&
    length !== undefined &&
    (matchingType === 0 ? data.length > 0 : data.length === length)
  )
}

type TlsaAnswer =
  | { readonly kind: 'records'; readonly records: readonly TlsaRecord[]; readonly baseDomain: string }
  | { readonly kind: 'none' }
  | { readonly kind: 'temporary'; readonly reason: string }

/** RFC 7672 §2.1.3 and §2.2.2: at the end of a secure chain of aliases, else at the name itself. */
const tlsaOf = async (
  secure: SecureResolver,
  { host, address, port }: SmtpServerAddress,
): Promise<TlsaAnswer> => {
  const found = await (address.includes(':') ? secure.aaaa(host) : secure.a(host))
  if (found.kind === 'temporary') return found
  const bases: string[] = []
  if (found.kind === 'records' && found.secure) bases.push(found.name)
  if (found.kind === 'records' && found.name !== host.toLowerCase()) {
    const alias = await secure.cname(host)
    if (alias.kind === 'temporary') return alias
    if (alias.kind === 'records' && alias.secure) bases.push(host.toLowerCase())
  }
  for (const baseDomain of bases) {
    const answer = await secure.tlsa(`_${port}._tcp.${baseDomain}`)
    if (answer.kind === 'temporary') return answer
    if (answer.kind === 'records' && answer.secure)
      return { kind: 'records', records: answer.records, baseDomain }
  }
  return { kind: 'none' }
}

/** A client's settings with what a server's policy says. */
export const withServerTls = (
  tls: ClientTlsSettings | undefined,
  policy: TlsPolicy,
  chosen: Extract<ServerTls, { kind: 'use' }>,
): ClientTlsSettings => ({
  ...tls,
  ...policy.tls,
  ...(chosen.serverName === undefined ? {} : { serverName: chosen.serverName }),
})
