import type { MacroStage } from './wire/constants.ts'

/** Postfix: milter_default_action. */
export type MilterDefaultAction = 'accept' | 'reject' | 'tempfail' | 'quarantine' | 'shutdown'

/** What each filter may have for itself, in braces. Postfix: MILTER_README, per-Milter settings. */
export interface MilterSettings {
  /** milter_connect_timeout: for the connection. */
  readonly connectTimeoutMs: number
  /** milter_command_timeout: for the negotiation and for one SMTP command. */
  readonly commandTimeoutMs: number
  /** milter_content_timeout: for one piece of a message, and for the verdict. */
  readonly contentTimeoutMs: number
  readonly defaultAction: MilterDefaultAction
  /** milter_protocol: 2, 3, 4 or 6. */
  readonly protocol: number
}

export interface MilterOptions extends MilterSettings {
  /** milter_…_macros, without braces. */
  readonly macros: Readonly<Record<MacroStage, readonly string[]>>
  /** milter_macro_daemon_name. */
  readonly daemonName: string
  /** milter_macro_v. */
  readonly macroV: string
  /** milter_macro_defaults: `{name=value}`. */
  readonly macroDefaults: readonly string[]
  readonly myhostname: string
  /** Relative socket paths start here. Postfix: queue_directory. */
  readonly socketFolder: string
}

/** Postfix's defaults. */
export const defaultMilterOptions: Omit<MilterOptions, 'myhostname' | 'daemonName'> = {
  connectTimeoutMs: 30_000,
  commandTimeoutMs: 30_000,
  contentTimeoutMs: 300_000,
  defaultAction: 'tempfail',
  protocol: 6,
  macros: {
    connect: ['j', 'daemon_name', 'daemon_addr', 'v', '_'],
    helo: ['tls_version', 'cipher', 'cipher_bits', 'cert_subject', 'cert_issuer'],
    mail: ['i', 'auth_type', 'auth_authen', 'auth_author', 'mail_addr', 'mail_host', 'mail_mailer'],
    rcpt: ['i', 'rcpt_addr', 'rcpt_host', 'rcpt_mailer'],
    data: ['i'],
    endOfHeaders: ['i'],
    endOfData: ['i'],
    unknown: [],
  },
  macroV: 'Posthorn',
  macroDefaults: [],
  socketFolder: '/var/spool/postfix',
}
