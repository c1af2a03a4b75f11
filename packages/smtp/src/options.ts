import type { CertificateReader } from '@posthorn/net'
import type { SmtpSession } from './handler.ts'

export type SmtpServiceName = SmtpSession['service']

/** Parameters of the receiving side, with Postfix's names and defaults. All may change while it runs. */
export interface SmtpOptions {
  /** Postfix: myhostname. Said in the banner's place when the handler gives none, and in EHLO. */
  readonly hostname: string
  /** Postfix: message_size_limit; octets, 0 = none. */
  readonly messageSizeLimitBytes: number
  /** Postfix: line_length_limit. Longer command lines are refused, lines of a message are not limited. */
  readonly lineLengthLimitBytes: number
  /** Postfix: smtpd_sasl_response_limit; octets of base64, at least 12,288 (RFC 4954 §4). */
  readonly authLineLimitBytes: number
  /** Postfix: smtpd_recipient_limit. */
  readonly recipientLimit: number
  /** Postfix: smtpd_recipient_overshoot_limit: refusals past recipientLimit before they count as errors. */
  readonly recipientOvershootLimit: number
  /** Postfix: smtpd_soft_error_limit. */
  readonly softErrorLimit: number
  /** Postfix: smtpd_hard_error_limit. */
  readonly hardErrorLimit: number
  /** Postfix: smtpd_error_sleep_time. */
  readonly errorSleepMs: number
  /** Postfix: smtpd_junk_command_limit. */
  readonly junkCommandLimit: number
  /** Postfix: smtpd_timeout: for a whole command line, and to begin with for DATA. */
  readonly commandTimeoutMs: number
  /** 'no': a piece of a line or of a message begins the time anew. Postfix: smtpd_per_request_deadline. */
  readonly requestDeadline: 'yes' | 'no'
  /** Postfix: smtpd_min_data_rate: octets a second that DATA must bring beyond commandTimeoutMs. */
  readonly minDataRate: number
  /** From MAIL to the end of the message, whatever the rate. */
  readonly transactionTimeoutMs: number
  /** Postfix: smtpd_client_connection_count_limit; trusted clients are exempt. */
  readonly connectionsPerClient: number
  /** All connections of this process. */
  readonly connections: number
  /** TLS handshakes, and PROXY headers, must be over after this. */
  readonly handshakeTimeoutMs: number
  /** Wait before the greeting of untrusted clients on port 25; who speaks before it is sent away. Postfix: postscreen_greet_wait. */
  readonly greetWaitMs: number
  /**
   * Postfix: smtpd_forbid_bare_newline: 'normalize' = only CR LF . CR LF ends data, whoever sends it; 'note' = the
   * same, and a line in the log; 'reject' = 550 for commands and messages of clients that are not exempt.
   */
  readonly bareNewline: 'normalize' | 'note' | 'reject' | 'permit'
  /** Postfix: smtpd_forbid_bare_newline_reject_code. */
  readonly bareNewlineRejectCode: number
  /** Every 5yz is said as 4yz. Postfix: soft_bounce. */
  readonly softBounce: 'yes' | 'no'
  /** Postfix: smtpd_forbid_unauth_pipelining; trusted clients are exempt. */
  readonly forbidPipelining: 'yes' | 'no'
  /** Postfix: smtpd_helo_required. */
  readonly heloRequired: 'yes' | 'no'
  /** In force while nearly all connections are taken. Postfix: STRESS_README. */
  readonly stressed: Partial<Pick<SmtpOptions, 'commandTimeoutMs' | 'hardErrorLimit' | 'junkCommandLimit'>>
  /** Postfix: smtpd_forbidden_commands, upper case: a client that says one is sent away. */
  readonly forbiddenCommands: readonly string[]
  /** Postfix: smtpd_noop_commands, upper case: they are answered with 250 and nothing happens. */
  readonly noopCommands: readonly string[]
  /** Postfix: smtputf8_enable. */
  readonly smtpUtf8: 'yes' | 'no'
  /** 'strict': addresses stand between `<` and `>`. Postfix: strict_rfc821_envelopes. */
  readonly envelopeSyntax: 'strict' | 'lenient'
  /** Addresses that begin with a hyphen, which a program could take for an option. Postfix: allow_min_user. */
  readonly hyphenAddresses: 'refused' | 'taken'
  /** `user@192.0.2.1`: 'literals' = meant as `user@[192.0.2.1]`. Postfix: resolve_numeric_domain. */
  readonly numericDomains: 'refused' | 'literals'
  /** Postfix: disable_vrfy_command. */
  readonly vrfy: 'enabled' | 'disabled'
  /** Postfix: smtpd_discard_ehlo_keywords, upper case. */
  readonly discardEhloKeywords: readonly string[]
  /** Postfix: smtpd_tls_security_level ('none', 'may', 'encrypt'); without a certificate it is 'none'. */
  readonly tlsLevel: 'none' | 'may' | 'encrypt'
  /** Whether clients are asked for a certificate; 'require': who has none that we trust is sent away. Postfix: smtpd_tls_ask_ccert, smtpd_tls_req_ccert. */
  readonly clientCertificate: 'none' | 'ask' | 'require'
  /** Whom a client's certificate names, where that is wanted. Dovecot: auth_ssl_username_from_cert. */
  readonly certificateUser: CertificateReader | undefined
  /** Postfix: smtpd_tls_auth_only. Dovecot: disable_plaintext_auth. */
  readonly authOnlyWithTls: 'yes' | 'no'
  /** Postfix: smtpd_sasl_auth_enable. */
  readonly auth: 'enabled' | 'disabled'
  /** Mail only after AUTH, from trusted clients too. */
  readonly authRequired: 'yes' | 'no'
  /** Postfix: broken_sasl_auth_clients. */
  readonly brokenSaslAuthClients: 'yes' | 'no'
  /** SASL mechanisms in the order they are offered. Postfix: smtpd_sasl_security_options. */
  readonly mechanisms: readonly string[]
  /** The same once TLS is on. Default: `mechanisms`. Postfix: smtpd_sasl_tls_security_options. */
  readonly tlsMechanisms?: readonly string[]
  /** A log line for each handshake. Postfix: smtpd_tls_loglevel. */
  readonly tlsLog: 'yes' | 'no'
  /** Postfix: smtpd_upstream_proxy_timeout. */
  readonly proxyTimeoutMs: number
  /** Addresses and networks of upstreams that begin with a PROXY protocol header (version 1 or 2); '*' for all. */
  readonly proxyProtocolFrom: readonly string[]
}

export const defaultSmtpOptions: Omit<SmtpOptions, 'hostname'> = {
  messageSizeLimitBytes: 10_240_000,
  lineLengthLimitBytes: 2048,
  authLineLimitBytes: 12_288,
  recipientLimit: 1000,
  recipientOvershootLimit: 1000,
  softErrorLimit: 10,
  hardErrorLimit: 20,
  errorSleepMs: 1000,
  junkCommandLimit: 100,
  commandTimeoutMs: 300_000,
  requestDeadline: 'yes',
  minDataRate: 500,
  transactionTimeoutMs: 3_600_000,
  connectionsPerClient: 50,
  connections: 1000,
  handshakeTimeoutMs: 60_000,
  greetWaitMs: 100,
  bareNewline: 'normalize',
  bareNewlineRejectCode: 550,
  softBounce: 'no',
  forbidPipelining: 'yes',
  heloRequired: 'no',
  stressed: {},
  forbiddenCommands: ['CONNECT', 'GET', 'POST'],
  noopCommands: [],
  smtpUtf8: 'yes',
  envelopeSyntax: 'lenient',
  hyphenAddresses: 'refused',
  numericDomains: 'refused',
  vrfy: 'enabled',
  discardEhloKeywords: [],
  tlsLevel: 'may',
  clientCertificate: 'none',
  certificateUser: undefined,
  authOnlyWithTls: 'yes',
  auth: 'enabled',
  authRequired: 'no',
  brokenSaslAuthClients: 'no',
  mechanisms: ['PLAIN', 'LOGIN'],
  tlsLog: 'no',
  proxyTimeoutMs: 5_000,
  proxyProtocolFrom: [],
}

/** What a service of its kind needs beyond the common options: Debian's master.cf, RFC 6409 and RFC 8314 §3.3. */
export const serviceOptions: Readonly<Record<SmtpServiceName, Partial<SmtpOptions>>> = {
  mx: {},
  submission: { authRequired: 'yes', auth: 'enabled' },
  submissions: { authRequired: 'yes', auth: 'enabled' },
  lmtp: { auth: 'disabled', greetWaitMs: 0 },
}
