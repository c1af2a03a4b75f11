import { resolve as resolvePath } from 'node:path'
import { createSecureResolver, type SecureResolver } from '@posthorn/dns'
import type { Log } from '@posthorn/mail'
import {
  cipherList,
  type LookupTable,
  lookupFirst,
  lookupTlsPolicy,
  type MtaSts,
  parseTlsProtocols,
  type RemoteSettings,
  type TlsLevel,
  type TlsPolicy,
  type TlsPolicyEntry,
  type TlsRecorder,
} from '@posthorn/mta'
import { type ClientTlsSettings, TlsSessions } from '@posthorn/smtp'
import type { ConfigValues } from '../config/schema/schema.ts'
import { StartError } from '../start-error.ts'
import { readAnchors, readAuthorities, readChains, readPem } from '../tls/authorities.ts'
import { addressFamilies } from './queue-options.ts'
import { cipherLists } from './tls-ciphers.ts'

/** Made once for a configuration: what reads files or keeps something. */
export interface RemoteSite {
  readonly settings: RemoteSettings
  readonly tls: ClientTlsSettings
}

function siteLevel(config: ConfigValues): TlsLevel {
  const level = config.smtp_tls_security_level
  if (level !== '') return level
  if (config.smtp_enforce_tls) return 'encrypt'
  return config.smtp_use_tls ? 'may' : 'none'
}

/** Postfix: the mandatory settings count from level encrypt on. */
function handshakeOf(config: ConfigValues, level: TlsLevel): TlsPolicy['tls'] {
  const mandatory = level !== 'none' && level !== 'may'
  const exclude = [
    ...config.smtp_tls_exclude_ciphers,
    ...(mandatory ? config.smtp_tls_mandatory_exclude_ciphers : []),
  ]
  const grade = mandatory ? config.smtp_tls_mandatory_ciphers : config.smtp_tls_ciphers
  const ciphers = cipherList(grade, exclude, cipherLists(config))
  const name = mandatory ? 'smtp_tls_mandatory_protocols' : 'smtp_tls_protocols'
  const protocols = parseTlsProtocols(config[name])
  if (protocols === undefined)
    throw new StartError(`${name} = ${config[name]}: no TLS version is left`, 'write it as in >=TLSv1.2')
  return { ...protocols, ...(ciphers === undefined ? {} : { ciphers }) }
}

function policyReader(
  config: ConfigValues,
  tables: readonly LookupTable[],
  level: TlsLevel,
): (nextHop: string) => TlsPolicyEntry {
  const complete = (policy: TlsPolicy, nextHop: string): TlsPolicy => {
    const serverName = { hostname: '', nexthop: nextHop.replace(/^\[?([^\]:]*).*$/, '$1') }
    const named = policy.tls.serverName ?? config.smtp_tls_servername
    const name = named === 'hostname' || named === 'nexthop' ? serverName[named] : named
    const { serverName: _, ...own } = policy.tls
    const match =
      policy.match.length === 0 && policy.level === 'fingerprint'
        ? config.smtp_tls_fingerprint_cert_match
        : policy.match
    const tls = { ...handshakeOf(config, policy.level), ...own, ...(name === '' ? {} : { serverName: name }) }
    return { ...policy, match, tls }
  }
  const read = new Map<string, ReturnType<typeof readAnchors>>()
  const anchorsOf = (files: readonly string[]) => {
    const key = files.join('\n')
    const anchors = read.get(key) ?? readAnchors(files, 'smtp_tls_policy_maps: tafile')
    read.set(key, anchors)
    return anchors === undefined ? {} : { anchors }
  }
  // Told at the start, not at the first delivery.
  complete({ level, match: [], tls: {} }, '')
  return (nextHop) => {
    const found = lookupTlsPolicy(tables, nextHop, cipherLists(config))
    if (found?.kind === 'bad') return found
    const policy = complete(found?.policy ?? { level, match: [], tls: {} }, nextHop)
    if (policy.anchorFiles === undefined) return { kind: 'policy', policy }
    try {
      return {
        kind: 'policy',
        policy: { ...policy, tls: { ...policy.tls, ...anchorsOf(policy.anchorFiles) } },
      }
    } catch (error) {
      if (error instanceof StartError) return { kind: 'bad', text: error.message }
      throw error
    }
  }
}

function tlsSettings(config: ConfigValues): ClientTlsSettings {
  const ca = readAuthorities('smtp_tls', config.smtp_tls_CAfile, config.smtp_tls_CApath)
  const own = ownCertificates(config)
  const files = config.smtp_tls_trust_anchor_file.map((file) => resolvePath(config.config_directory, file))
  const anchors = readAnchors(files, 'smtp_tls_trust_anchor_file')
  return {
    sessions: new TlsSessions({ keepMs: config.smtp_tls_session_cache_timeout }),
    ...(ca === undefined ? {} : { ca }),
    ...(anchors === undefined ? {} : { anchors }),
    ...(own.length === 0 ? {} : { cert: own.map(({ cert }) => cert), key: own.map(({ key }) => key) }),
  }
}

/** What we show to servers that ask: the chain files, or a certificate of each kind. */
function ownCertificates(config: ConfigValues): readonly { readonly cert: string; readonly key: string }[] {
  if (config.smtp_tls_chain_files.length > 0)
    return config.smtp_tls_chain_files.flatMap((file) =>
      readChains(resolvePath(config.config_directory, file), 'smtp_tls_chain_files'),
    )
  const { smtp_tls_cert_file: rsa, smtp_tls_eccert_file: ecdsa } = config
  const pair = (cert: string, key: string, kind: 'cert' | 'eccert') => ({
    cert: readPem(cert, `smtp_tls_${kind}_file`),
    key: readPem(key, `smtp_tls_${kind === 'cert' ? 'key' : 'eckey'}_file`),
  })
  return [
    ...(rsa === '' ? [] : [pair(rsa, config.smtp_tls_key_file, 'cert')]),
    ...(ecdsa === '' ? [] : [pair(ecdsa, config.smtp_tls_eckey_file, 'eccert')]),
  ]
}

/** DANE and REQUIRETLS believe a validating resolver; undefined: none is configured. */
function secureResolver(config: ConfigValues, level: TlsLevel, log: Log): SecureResolver | undefined {
  const asked = config.smtp_dns_support_level === 'dnssec' || level.startsWith('dane')
  if (!asked && config.dnssec_resolvers.length === 0) return undefined
  const resolver = createSecureResolver({ servers: config.dnssec_resolvers })
  if (resolver === undefined) {
    const text = 'DNSSEC is asked for, but there is no validating resolver on loopback; set dnssec_resolvers'
    log({ level: 'warning', service: 'smtp', text })
  }
  return resolver
}

const srvLookups = (config: ConfigValues): NonNullable<RemoteSettings['srv']> => ({
  services: config.use_srv_lookup,
  defaultService: config.smtp_tcp_port,
  withoutRecords: config.allow_srv_lookup_fallback ? 'mx' : 'refused',
  withoutAnswer: config.ignore_srv_lookup_error ? 'mx' : 'deferred',
})

/** How mail leaves, from main.cf. Throws StartError for what cannot be meant. */
export function remoteSite(
  config: ConfigValues,
  sources: {
    readonly policies: readonly LookupTable[]
    readonly statusFilters: readonly LookupTable[]
    readonly dnsFilters: readonly LookupTable[]
    readonly cachedDestinations: (name: string) => boolean
    readonly sts: MtaSts
    readonly record: TlsRecorder['record']
    readonly log: Log
  },
): RemoteSite {
  const level = siteLevel(config)
  const secure = secureResolver(config, level, sources.log)
  const words = config.smtp_host_lookup.filter((word) => word === 'dns' || word === 'native')
  const noDns = config.disable_dns_lookups || config.smtp_dns_support_level === 'disabled'
  const settings: RemoteSettings = {
    logins: config.smtp_sasl_auth_enable ? 'by-client' : 'none',
    addressLimit: config.smtp_mx_address_limit,
    sessionLimit: config.smtp_mx_session_limit,
    pool: {
      always: config.smtp_connection_cache_destinations.length === 0 ? undefined : sources.cachedDestinations,
      onDemand: config.smtp_connection_cache_on_demand ? 'yes' : 'no',
      keepMs: Math.min(config.smtp_connection_cache_time_limit, config.connection_cache_ttl_limit),
      reuseMs: config.smtp_connection_reuse_time_limit,
      maxReuses: config.smtp_connection_reuse_count_limit,
    },
    fallbackRelays: config.smtp_fallback_relay,
    randomizeAddresses: config.smtp_randomize_addresses ? 'yes' : 'no',
    balanceProtocols: config.smtp_balance_inet_protocols ? 'yes' : 'no',
    hostLookup: noDns ? ['native'] : words.length === 0 ? ['dns'] : words,
    mxLookups: noDns ? 'no' : 'yes',
    srv: config.use_srv_lookup.length === 0 || noDns ? undefined : srvLookups(config),
    ignoreMxErrors: config.ignore_mx_lookup_error ? 'yes' : 'no',
    deferWithoutAddress: config.smtp_defer_if_no_mx_address_found ? 'yes' : 'no',
    // Their default is default_delivery_status_filter.
    statusFilter:
      sources.statusFilters.length === 0 ? undefined : (said) => lookupFirst(sources.statusFilters, said),
    dnsFilter:
      sources.dnsFilters.length === 0 ? undefined : (record) => lookupFirst(sources.dnsFilters, record),
    sevenBitConversion: config.disable_mime_output_conversion ? 'no' : 'yes',
    families: addressFamilies(config),
    ...portOf(config.smtp_tcp_port),
    socketFolder: config.queue_directory,
    logTls: config.smtp_tls_loglevel > 0 ? 'yes' : 'no',
    noteStartTls: config.smtp_tls_note_starttls_offer ? 'yes' : 'no',
    tls: {
      policyFor: policyReader(config, sources.policies, level),
      secure,
      sts: config.smtp_tls_mta_sts && !noDns ? sources.sts : undefined,
      reports: config.smtp_tlsrpt_enable
        ? {
            record: sources.record,
            resumed: config.smtp_tlsrpt_skip_reused_handshakes ? 'skipped' : 'counted',
          }
        : undefined,
      insecureMx: config.smtp_tls_dane_insecure_mx_policy,
      digest: config.smtp_tls_fingerprint_digest,
      verifyMatch: config.smtp_tls_verify_cert_match,
      secureMatch: config.smtp_tls_secure_cert_match,
    },
  }
  return { settings, tls: tlsSettings(config) }
}

/** A service name is left to the agent, which knows its own. Postfix: smtp_tcp_port. */
const portOf = (text: string): { readonly defaultPort?: number } =>
  /^\d{1,5}$/.test(text) ? { defaultPort: Number(text) } : {}
