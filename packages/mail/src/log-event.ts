/** One thing that happened, as maillog says it and as JSON has it. Written by the server package alone. */
export interface LogEvent {
  readonly level: 'debug' | 'info' | 'warning' | 'error' | 'fatal'
  /** The Postfix or Dovecot service the line is grepped for: `smtpd`, `cleanup`, `qmgr`, `imap-login` … */
  readonly service: string
  /** The name before the service, where a line of master.cf has one of its own. Postfix: -o syslog_name. */
  readonly syslogName?: string
  /** Put before the text as `A1B2C3: `. */
  readonly queueId?: string
  /** `from=<a@b>, size=512, nrcpt=1 (queue active)`; control characters are escaped by the writer. */
  readonly text: string
  readonly fields?: Readonly<Record<string, string | number | boolean | undefined>>
  readonly error?: unknown
}

export type Log = (event: LogEvent) => void
