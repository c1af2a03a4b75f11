import type { SecureVersion } from 'node:tls'
import type { TlsEvent } from './tls-event.ts'
import type { TlsSessions } from './tls-sessions.ts'
import type { TroubledSession } from './transcribed-connection.ts'

/** One server to talk to, already resolved. */
export interface SmtpServerAddress {
  /** As in the MX record or configuration, for logs and certificates. */
  readonly host: string
  /** IP address, or the path of a UNIX socket. */
  readonly address: string
  /** 0 with a UNIX socket. */
  readonly port: number
}

export interface SmtpClientTimeouts {
  /** Postfix: smtp_connect_timeout; 0 = the system's. */
  readonly connectMs: number
  /** Postfix: smtp_helo_timeout; greeting and EHLO each. */
  readonly heloMs: number
  /** Postfix: smtp_starttls_timeout; STARTTLS with its handshake. Default heloMs. */
  readonly startTlsMs?: number
  /** Postfix: smtp_xforward_timeout. Default heloMs. */
  readonly xforwardMs?: number
  /** Postfix: smtp_mail_timeout. */
  readonly mailMs: number
  /** Postfix: smtp_rcpt_timeout. */
  readonly rcptMs: number
  /** Postfix: smtp_data_init_timeout. */
  readonly dataInitMs: number
  /** Postfix: smtp_data_xfer_timeout. */
  readonly dataXferMs: number
  /**
   * Octets a second: dataXferMs is for the whole message, and what is sent earns time, but never more than that is
   * ahead. Default 0: dataXferMs is for each piece. Postfix: smtp_per_request_deadline with smtp_min_data_rate.
   */
  readonly minDataRate?: number
  /** Postfix: smtp_data_done_timeout. */
  readonly dataDoneMs: number
  /** Postfix: smtp_rset_timeout. */
  readonly rsetMs: number
  /** Postfix: smtp_quit_timeout; nothing but the end of the connection depends on the answer. */
  readonly quitMs: number
}

export const defaultClientTimeouts: SmtpClientTimeouts = {
  connectMs: 30_000,
  heloMs: 300_000,
  mailMs: 300_000,
  rcptMs: 300_000,
  dataInitMs: 120_000,
  dataXferMs: 180_000,
  dataDoneMs: 600_000,
  rsetMs: 20_000,
  quitMs: 5_000,
}

/** RFC 6698 §2.1. */
export interface CertificateAssociation {
  readonly usage: number
  readonly selector: number
  readonly matchingType: number
  readonly data: Uint8Array
}

/** What a server's certificate must be, where the level asks for more than encryption. */
export interface CertificateDemand {
  /** Levels verify and secure: one of them must be in it; `.example.org` = any name below. Default: the host. */
  readonly names?: readonly string[]
  /** Level fingerprint: of the certificate or of its public key, `AB:CD:…` in any case. */
  readonly fingerprints?: readonly string[]
  /** Postfix: smtp_tls_fingerprint_digest. Default sha256. */
  readonly digest?: string
  /** Level dane: usable ones only (RFC 7672 §3.1). */
  readonly associations?: readonly CertificateAssociation[]
}

export interface ClientTlsSettings {
  /** PEM, one or many, beside the authorities of the system. */
  readonly ca?: string
  /** PEM: these alone are trusted, also where they are no roots. Postfix: smtp_tls_trust_anchor_file. */
  readonly anchors?: string
  /** PEM: shown to servers that ask for it. Several: of different kinds. Postfix: smtp_tls_cert_file, smtp_tls_chain_files. */
  readonly cert?: string | readonly string[]
  readonly key?: string | readonly string[]
  readonly minVersion?: SecureVersion
  readonly maxVersion?: SecureVersion
  /** OpenSSL's words. */
  readonly ciphers?: string
  /** Server name indication when it is not the host. Postfix: smtp_tls_servername. */
  readonly serverName?: string
  /** Kept sessions of earlier connections. Postfix: smtp_tls_session_cache_database. */
  readonly sessions?: TlsSessions
}

export type ClientTlsLevel = 'none' | 'may' | 'encrypt' | 'verify' | 'fingerprint' | 'dane'

export interface ClientLoginOptions {
  readonly user: string
  readonly password: string
  /** Without TLS only mechanisms that do not show the password, unless 'allowed' (smtp_sasl_security_options). */
  readonly plaintext?: 'allowed'
  /** Also over TLS (smtp_sasl_tls_security_options = noplaintext). */
  readonly plaintextInTls?: 'refused'
  /** Postfix: smtp_sasl_mechanism_filter: names, `!name`; empty = all. */
  readonly mechanisms?: readonly string[]
  /** Postfix: smtp_sasl_auth_soft_bounce. Default soft. */
  readonly refusal?: 'soft' | 'hard'
}

export interface PixWorkarounds {
  /** 'disable_esmtp': HELO; 'delay_dotcrlf': a pause before the final dot of mail that has waited. */
  readonly words: readonly string[]
  /** Postfix: smtp_pix_workaround_threshold_time. */
  readonly thresholdMs: number
  /** Postfix: smtp_pix_workaround_delay_time. */
  readonly delayMs: number
}

export interface SmtpClientOptions {
  readonly protocol: 'smtp' | 'lmtp'
  /** Postfix: smtp_helo_name. */
  readonly heloName: string
  /**
   * Postfix: smtp_tls_security_level. 'may': STARTTLS when offered, in the clear when it fails; 'encrypt': never
   * without TLS; 'verify', 'fingerprint', 'dane': never without the certificate that is demanded.
   */
  readonly tlsLevel: ClientTlsLevel
  readonly certificate?: CertificateDemand
  /** TLS from the first octet (Postfix: smtp_tls_wrappermode). */
  readonly wrapperMode?: true
  readonly tls?: ClientTlsSettings
  readonly login?: ClientLoginOptions
  readonly timeouts?: Partial<SmtpClientTimeouts>
  /** Postfix: smtp_bind_address. */
  readonly localAddress?: string
  /** Without it there is no connection. Default: then from any address. Postfix: smtp_bind_address_enforce. */
  readonly localAddressIs?: 'needed'
  /** Told the localAddress that is none of this machine. */
  readonly onUnbound?: (localAddress: string) => void
  /** Postfix: smtp_line_length_limit. */
  readonly lineLengthLimitBytes?: number
  /** For firewalls that garble greetings (`220 *****`). Postfix: smtp_pix_workarounds. */
  readonly pix?: PixWorkarounds
  /** EHLO keywords that are not seen, upper case. Postfix: smtp_discard_ehlo_keywords. */
  readonly discardEhloKeywords?: readonly string[]
  /** Each line of a reply → what is heard instead; undefined: as it is. Postfix: smtp_reply_filter. */
  readonly replyFilter?: (line: string) => string | undefined
  /** Messages of this size and more go by BDAT where CHUNKING is offered. Default 0: none. RFC 3030. */
  readonly chunkFromBytes?: number
  /** 'never': HELO at once (Postfix: smtp_never_send_ehlo). */
  readonly ehlo?: 'never'
  /** A greeting of 5yz passes this host over, and is not believed. Postfix: smtp_skip_5xx_greeting. */
  readonly refusingGreeting?: 'soft'
  /** A server with our own name is no loop: the administrator sends mail to another port of ours, a content filter's. */
  readonly ownHost?: 'configured'
  /** Postfix: smtp_send_xforward_command. */
  readonly xforward?: true
  /** Told once a connection, but where TLS is not tried. RFC 8460. */
  readonly onTls?: (event: TlsEvent) => void
  /** Postfix: smtp_send_dummy_mail_auth. */
  readonly dummyMailAuth?: true
  /** Told at the end of a session in which a server did not understand us. Postfix: notify_classes = protocol. */
  readonly onTrouble?: (session: TroubledSession) => void
}
