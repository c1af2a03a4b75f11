import type { CertificateReader, TlsCredentials } from '@posthorn/net'
import { defaultMechanisms } from '@posthorn/sasl'
import type { Sending } from '../wire/whole-answer.ts'
import type { Removal } from './removal.ts'

/** Dovecot's words where it has one. Asked at each use, so that a reload acts on running sessions. */
export interface Pop3Options extends Sending {
  /** Text of the first `+OK`. Dovecot: login_greeting. */
  readonly greeting: string
  /** CAPA IMPLEMENTATION (RFC 2449 §6.9); '' = not told. */
  readonly implementation: string
  /** Without TLS neither USER/PASS nor AUTH, but for trusted addresses. Dovecot: disable_plaintext_auth. */
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
  /** For STLS; undefined = not offered. */
  readonly tls: TlsCredentials | undefined
  /** Silence after which a session that is logged in ends (RFC 1939 §3: at least 10 minutes). */
  readonly idleTimeoutMs: number
  /** From the connection to the login, all together. */
  readonly loginTimeoutMs: number
  /** Unknown commands before the session ends: before login, and after. */
  readonly loginBadCommandLimit: number
  readonly badCommandLimit: number
  /** Dovecot: pop3_uidl_format. A format that cannot be used is refused when the configuration is read. */
  readonly uidlFormat: string
  /** A unique-id once told is kept, whatever the format becomes. Dovecot: pop3_save_uidl. */
  readonly toldUidls: 'kept' | 'made anew'
  /** Messages with an X-UIDL field keep it as their unique-id. Dovecot: pop3_reuse_xuidl. */
  readonly xUidl: 'kept' | 'ignored'
  /** Whether LAST is known. Dovecot: pop3_enable_last. */
  readonly last: 'known' | 'unknown'
  /** Whether messages that were retrieved are \Seen after QUIT. Dovecot: pop3_no_flag_updates. */
  readonly seenAfterQuit: 'set' | 'kept'
  /** 'made': clients that did not say UTF8 get other headers for those with UTF-8 in them (RFC 6856 §2.1). */
  readonly surrogates: 'made' | 'none'
  /** What QUIT does with messages marked by DELE. Dovecot: pop3_delete_type. */
  readonly removal: Removal
  /** Between two logins of an account (RFC 2449 §6.5 LOGIN-DELAY); 0 = no matter. */
  readonly loginDelayMs: number
  /**
   * Days that messages are kept at least (RFC 2449 §6.7 EXPIRE): those that were read are removed at QUIT when
   * they are older; 0 = at the QUIT of the session that retrieved them. undefined = for ever.
   */
  readonly expireDays: number | undefined
}

export const defaultPop3Options: Pop3Options = {
  greeting: 'Posthorn ready.',
  implementation: 'Posthorn',
  plaintextAuth: 'refused',
  mechanisms: defaultMechanisms,
  certificateUser: undefined,
  encryption: 'optional',
  isTrusted: (address) => address === '::1' || address.startsWith('127.'),
  neverDelayed: () => false,
  tls: undefined,
  idleTimeoutMs: 10 * 60_000,
  loginTimeoutMs: 3 * 60_000,
  loginBadCommandLimit: 3,
  badCommandLimit: 20,
  uidlFormat: '%08Xu%08Xv',
  toldUidls: 'made anew',
  xUidl: 'ignored',
  last: 'unknown',
  seenAfterQuit: 'set',
  surrogates: 'none',
  removal: { how: 'expunge', keyword: '' },
  loginDelayMs: 0,
  expireDays: undefined,
  nul: 'replace-nul',
  missingHeaderEnd: 'added',
}
