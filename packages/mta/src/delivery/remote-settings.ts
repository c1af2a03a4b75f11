import type { AddressFamily, SecureResolver } from '@posthorn/dns'
import type { SmtpClientOptions, SmtpServerAddress } from '@posthorn/smtp'
import type { OutgoingRewriting } from '../rewriting/index.ts'
import type { TlsRecorder } from '../tlsrpt/session-result.ts'
import type { PoolLimits } from './connection-pool.ts'
import type { DnsFilter } from './filtered-resolver.ts'
import type { StatusFilter } from './filtered-status.ts'
import type { MtaSts } from './mta-sts.ts'
import type { SrvLookups } from './srv-hosts.ts'
import type { TlsPolicyEntry } from './tls-policy.ts'

/** How mail leaves by SMTP or LMTP, asked at each delivery. Postfix's parameters of smtp(8) in camel case. */
export interface RemoteSettings {
  /** smtp_mx_address_limit; 0 = none. */
  readonly addressLimit: number
  /** smtp_mx_session_limit; 0 = none. */
  readonly sessionLimit: number
  /** smtp_connection_cache_*, smtp_connection_reuse_*. */
  readonly pool: PoolLimits
  /** smtp_fallback_relay */
  readonly fallbackRelays: readonly string[]
  /** smtp_randomize_addresses */
  readonly randomizeAddresses: 'yes' | 'no'
  /** smtp_sasl_auth_enable: 'none' = nobody logs in, so that each message need not be asked about. Default: as `ClientFor` says. */
  readonly logins?: 'none' | 'by-client'
  /** smtp_balance_inet_protocols */
  readonly balanceProtocols: 'yes' | 'no'
  /** smtp_host_lookup */
  readonly hostLookup: readonly ('dns' | 'native')[]
  /** disable_dns_lookups, or smtp_dns_support_level = disabled: no MX. */
  readonly mxLookups: 'yes' | 'no'
  /** ignore_mx_lookup_error */
  readonly ignoreMxErrors: 'yes' | 'no'
  /** use_srv_lookup and its kind; default: never. */
  readonly srv?: SrvLookups | undefined
  /** smtp_defer_if_no_mx_address_found; default no. */
  readonly deferWithoutAddress?: 'yes' | 'no'
  /** smtp_delivery_status_filter: `5.7.1 text` → the same with another status or text; undefined: as it is. */
  readonly statusFilter?: StatusFilter | undefined
  /** smtp_dns_reply_filter: a record as in a zone file → `IGNORE`, or nothing. */
  readonly dnsFilter?: DnsFilter | undefined
  /** disable_mime_output_conversion = no */
  readonly sevenBitConversion: 'yes' | 'no'
  /** inet_protocols, smtp_address_preference: default, the agent's. */
  readonly families?: readonly AddressFamily[]
  /** smtp_tcp_port; default, the agent's. */
  readonly defaultPort?: number
  /** Where `unix:private/lmtp` is. Postfix: queue_directory. */
  readonly socketFolder?: string
  /** smtp_tls_loglevel, beyond 0: each session under TLS is logged. */
  readonly logTls: 'yes' | 'no'
  /** smtp_tls_note_starttls_offer: log what a server offers where TLS is not wanted. Default no. */
  readonly noteStartTls?: 'yes' | 'no'
  readonly tls: RemoteTlsSettings
}

export interface RemoteTlsSettings {
  /** smtp_tls_security_level and smtp_tls_policy_maps. */
  readonly policyFor: (nextHop: string) => TlsPolicyEntry
  /** undefined: no validating resolver, or smtp_dns_support_level is not dnssec. */
  readonly secure: SecureResolver | undefined
  /** undefined: off. */
  readonly sts: MtaSts | undefined
  /** smtp_tlsrpt_enable; undefined: no. */
  readonly reports?: TlsRecorder | undefined
  /** smtp_tls_dane_insecure_mx_policy */
  readonly insecureMx: 'dane' | 'encrypt' | 'may'
  /** smtp_tls_fingerprint_digest */
  readonly digest: string
  /** smtp_tls_verify_cert_match */
  readonly verifyMatch: readonly string[]
  /** smtp_tls_secure_cert_match */
  readonly secureMatch: readonly string[]
}

/** A server and the sender that may choose its login (smtp_sender_dependent_authentication). */
export type ClientFor = (server: SmtpServerAddress, nextHop: string, sender: string) => SmtpClientOptions

/** A transport of master.cf with options of its own. */
export interface RemoteTransport {
  readonly client: ClientFor
  readonly settings: RemoteSettings
  readonly rewriting: OutgoingRewriting | undefined
}

export const defaultRemoteSettings: RemoteSettings = {
  addressLimit: 5,
  sessionLimit: 2,
  pool: { onDemand: 'yes', keepMs: 2_000, reuseMs: 300_000, maxReuses: 0 },
  fallbackRelays: [],
  randomizeAddresses: 'yes',
  balanceProtocols: 'yes',
  hostLookup: ['dns'],
  mxLookups: 'yes',
  ignoreMxErrors: 'no',
  sevenBitConversion: 'yes',
  logTls: 'no',
  tls: {
    policyFor: () => ({ kind: 'policy', policy: { level: 'may', match: [], tls: {} } }),
    secure: undefined,
    sts: undefined,
    insecureMx: 'dane',
    digest: 'sha256',
    verifyMatch: ['hostname'],
    secureMatch: ['nexthop', 'dot-nexthop'],
  },
}
