import type { TlsCredentials } from '@posthorn/net'
import type { ConfigValues } from '../config/schema/schema.ts'
import { readingOptions } from './reading-options.ts'

/** Options of the POP3 sessions from main.cf. */
export function pop3Options(config: ConfigValues, credentials: TlsCredentials | undefined) {
  const { credentials: tls, ...shared } = readingOptions(config, credentials)
  return {
    ...shared,
    tls,
    implementation: config.mail_name,
    idleTimeoutMs: config.pop3_idle_timeout,
    uidlFormat: config.pop3_uidl_format,
  }
}
