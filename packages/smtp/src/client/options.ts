import type { ConnectionOptions } from 'node:tls'

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
  /** Postfix: smtp_connect_timeout. */
  readonly connectMs: number
  /** Postfix: smtp_helo_timeout; greeting, EHLO and STARTTLS each. */
  readonly heloMs: number
  /** Postfix: smtp_mail_timeout. */
  readonly mailMs: number
  /** Postfix: smtp_rcpt_timeout. */
  readonly rcptMs: number
  /** Postfix: smtp_data_init_timeout. */
  readonly dataInitMs: number
  /** Postfix: smtp_data_xfer_timeout. */
  readonly dataXferMs: number
  /** Postfix: smtp_data_done_timeout. */
  readonly dataDoneMs: number
  /** Postfix: smtp_rset_timeout. */
  readonly rsetMs: number
  /** Postfix: smtp_quit_timeout is 300 s; nothing depends on the answer. */
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

export interface SmtpClientOptions {
  readonly protocol: 'smtp' | 'lmtp'
  /** Postfix: smtp_helo_name. */
  readonly heloName: string
  /**
   * Postfix: smtp_tls_security_level. 'may': STARTTLS when offered, in the clear when it fails;
   * 'encrypt': never without TLS; 'verify': never without a certificate that fits `host`.
   */
  readonly tlsLevel: 'none' | 'may' | 'encrypt' | 'verify'
  /** TLS from the first octet (Postfix: smtp_tls_wrappermode). */
  readonly wrapperMode?: true
  readonly tls?: Pick<ConnectionOptions, 'ca' | 'minVersion' | 'ciphers'>
  readonly login?: {
    readonly user: string
    readonly password: string
    /** Without TLS only mechanisms that do not show the password, unless 'allowed' (smtp_sasl_security_options). */
    readonly plaintext?: 'allowed'
  }
  readonly timeouts?: Partial<SmtpClientTimeouts>
  /** Postfix: smtp_bind_address. */
  readonly localAddress?: string
  /** Postfix: smtp_line_length_limit. */
  readonly lineLengthLimitBytes?: number
}
