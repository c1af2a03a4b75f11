import type { TlsCredentials } from '@posthorn/net'
import type { ConfigValues } from '../config/schema/schema.ts'
import { readingOptions } from './reading-options.ts'

/** `-IDLE -MOVE` withholds these; names without a sign are read as Dovecot's `+NAME`: nothing to withhold. */
export function withheldCapabilities(parameter: string): ReadonlySet<string> {
  const words = parameter.split(/[\s,]+/).filter((word) => word.startsWith('-'))
  return new Set(words.map((word) => word.slice(1).toUpperCase()))
}

/** Options of the IMAP sessions from main.cf. */
export function imapOptions(config: ConfigValues, credentials: TlsCredentials | undefined) {
  return {
    ...readingOptions(config, credentials),
    withheld: withheldCapabilities(config.imap_capability),
    commandLimitBytes: config.imap_max_line_length,
    loginCommandLimitBytes: 8_192,
    appendLimitBytes: config.message_size_limit,
    idleTimeoutMs: config.imap_idle_timeout,
    badCommandLimit: 20,
    maxUserIpConnections: config.mail_max_userip_connections,
    idleNotifyIntervalMs: config.imap_idle_notify_interval,
    idFields: { name: config.mail_name },
    idLog: ['name', 'version'],
    serverComment: config.mail_server_comment,
    serverAdmin: config.mail_server_admin,
  }
}
