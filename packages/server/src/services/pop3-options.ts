import type { TlsCredentials } from '@posthorn/net'
import type { Pop3Options } from '@posthorn/pop3'
import type { ConfigValues } from '../config/schema/schema.ts'
import { readingOptions } from './reading-options.ts'

/** Options of the POP3 sessions from main.cf. */
export function pop3Options(
  config: ConfigValues,
  credentials: TlsCredentials | undefined,
  neverDelayed: (address: string) => boolean,
) {
  const { credentials: tls, ...shared } = readingOptions(config, credentials)
  return {
    ...shared,
    neverDelayed,
    tls,
    implementation: config.mail_name,
    idleTimeoutMs: config.pop3_idle_timeout,
    uidlFormat: config.pop3_uidl_format,
    removal: removalOf(config),
    loginDelayMs: config.pop3_login_delay,
    expireDays: expireDays(config.pop3_expire),
  }
}

function removalOf({
  pop3_delete_type: type,
  pop3_deleted_flag: flag,
}: ConfigValues): Pop3Options['removal'] {
  const how = type !== 'default' ? type : flag === '' ? 'expunge' : 'flag'
  return { how, keyword: flag === '' ? '$POP3Deleted' : flag }
}

/** RFC 2449 §6.7. @throws RangeError for what is neither a number of days nor `never`. */
export function expireDays(value: string): number | undefined {
  if (value.toLowerCase() === 'never') return undefined
  if (!/^\d{1,6}$/.test(value)) throw new RangeError(`pop3_expire: "${value}" is neither days nor "never"`)
  return Number(value)
}
