import type { CertificateReader, TlsCredentials } from '@posthorn/net'
import { defaultMechanisms } from '@posthorn/sasl'
import type { ClientQuirk } from './client-quirks.ts'

/** Dovecot's words where it has one. All may change at a reload; running sessions see it at their next use. */
export interface ImapOptions {
  /** Text after `* OK [CAPABILITY …]`. Dovecot: login_greeting. */
  readonly greeting: string
  /** Names never announced, upper case. Dovecot: imap_capability. */
  readonly withheld: ReadonlySet<string>
  /** After login nothing but these, upper case; undefined: all that we can. */
  readonly announcedOnly: ReadonlySet<string> | undefined
  /** Announced in any case: what a proxy or a module before us adds. */
  readonly announcedToo: readonly string[]
  /** For clients known to fail. */
  readonly quirks: readonly ClientQuirk[]
  /**
   * Where the mailboxes of a user are, if elsewhere: a host, `host:port`, or an `imap://` URL. RFC 2221. Absent:
   * everybody is here.
   */
  readonly referral: ((user: string) => string | undefined) | undefined
  /** Without TLS neither LOGIN nor AUTHENTICATE, but for trusted addresses. Dovecot: disable_plaintext_auth. */
  readonly plaintextAuth: 'allowed' | 'refused'
  /** SASL mechanisms, upper case. Dovecot: auth_mechanisms. */
  readonly mechanisms: readonly string[]
  /** Whom a certificate of a client names, where that is wanted. Dovecot: auth_ssl_username_from_cert. */
  readonly certificateUser: CertificateReader | undefined
  /** Without TLS no login at all, by no mechanism. Dovecot: ssl = required. */
  readonly encryption: 'optional' | 'required'
  /** Networks whose clients may log in without TLS and are never delayed. Dovecot: login_trusted_networks. */
  readonly isTrusted: (address: string) => boolean
  /** Clients that wrong passwords neither delay nor shut out, beside the trusted ones. */
  readonly neverDelayed: (address: string) => boolean
  /** For STARTTLS; undefined = not offered. */
  readonly credentials: TlsCredentials | undefined
  /** Line with its literals, without APPEND's. Dovecot: imap_max_line_length (64 KB). */
  readonly commandLimitBytes: number
  /** The same before login: the largest ID of RFC 2971 §3.3 has 32 KB. */
  readonly loginCommandLimitBytes: number
  /** Largest message by APPEND; 0 = no limit. RFC 7889. */
  readonly appendLimitBytes: number
  /** Silence after which an authenticated client is told BYE (RFC 9051 §5.4: at least 30 minutes). */
  readonly idleTimeoutMs: number
  /** The same before login. */
  readonly loginTimeoutMs: number
  /** Wrong commands in a row before BYE. */
  readonly badCommandLimit: number
  /** Sessions of one user from one address; 0 = no limit. Dovecot: mail_max_userip_connections. */
  readonly maxUserIpConnections: number
  /** Addresses that this limit leaves alone: a webmail, or tests, on the same machine. */
  readonly seatsUnlimitedFor: (address: string) => boolean
  /** `* OK Still here` to idling clients; 0 = never. Dovecot: imap_idle_notify_interval. */
  readonly idleNotifyIntervalMs: number
  /** `* OK [INPROGRESS …]` while a command takes its time (RFC 9585 §4: not below 10 s). */
  readonly progressIntervalMs: number
  /** What ID answers (RFC 2971 §3.3). Dovecot: imap_id_send. */
  readonly idFields: Readonly<Record<string, string>>
  /** `/shared/comment` of the server (RFC 5464 §6.2.1); '' = none. Dovecot: mail_server_comment. */
  readonly serverComment: string
  /** `/shared/admin`: URI of the administrator (RFC 5464 §6.2.2); '' = none. Dovecot: mail_server_admin. */
  readonly serverAdmin: string
  /** Addresses of accounts that may change quota by SETQUOTA (RFC 9208 §4.1.3), lower case. */
  readonly administrators: ReadonlySet<string>
  /** `imap-login: ` lines of the client's ID. Dovecot: imap_id_log. */
  readonly idLog: readonly string[]
  /** Said in the log when a session ends: `%i` octets in, `%o` out. Dovecot: imap_logout_format. */
  readonly logoutFormat: string
}

export const defaultImapOptions: ImapOptions = {
  greeting: 'Posthorn ready.',
  withheld: new Set(),
  announcedOnly: undefined,
  announcedToo: [],
  quirks: [],
  referral: undefined,
  plaintextAuth: 'refused',
  mechanisms: defaultMechanisms,
  certificateUser: undefined,
  encryption: 'optional',
  isTrusted: (address) => address === '127.0.0.1' || address === '::1' || address === '::ffff:127.0.0.1',
  neverDelayed: () => false,
  credentials: undefined,
  commandLimitBytes: 65_536,
  loginCommandLimitBytes: 36_864,
  appendLimitBytes: 0,
  idleTimeoutMs: 30 * 60_000,
  loginTimeoutMs: 3 * 60_000,
  badCommandLimit: 20,
  maxUserIpConnections: 10,
  seatsUnlimitedFor: () => false,
  idleNotifyIntervalMs: 2 * 60_000,
  progressIntervalMs: 10_000,
  idFields: { name: 'Posthorn' },
  administrators: new Set(),
  serverComment: '',
  serverAdmin: '',
  idLog: ['name', 'version'],
  logoutFormat: 'in=%i out=%o',
}
