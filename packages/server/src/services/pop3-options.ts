import type { TlsCredentials } from '@posthorn/net'
import type { Pop3Options } from '@posthorn/pop3'
import type { ConfigValues } from '../config/schema/schema.ts'
import { readingOptions } from './reading-options.ts'

/** Options of the POP3 sessions from main.cf. */
export function pop3Options(
  config: ConfigValues,
  credentials: TlsCredentials | undefined,
  neverDelayed: (address: string) => boolean,
): Partial<Pop3Options> {
  const { credentials: tls, ...shared } = readingOptions(config, credentials)
  return {
    ...shared,
    neverDelayed,
    tls,
    implementation: config.mail_name,
    idleTimeoutMs: config.pop3_idle_timeout,
    uidlFormat: config.pop3_uidl_format,
    toldUidls: config.pop3_save_uidl ? 'kept' : 'made anew',
    xUidl: config.pop3_reuse_xuidl ? 'kept' : 'ignored',
    last: config.pop3_enable_last ? 'known' : 'unknown',
    seenAfterQuit: config.pop3_no_flag_updates ? 'kept' : 'set',
    surrogates: config.pop3_utf8_surrogates ? 'made' : 'none',
    removal: removalOf(config),
    ...workarounds(config.pop3_client_workarounds),
    loginDelayMs: config.pop3_login_delay,
    expireDays: expireDays(config.pop3_expire),
  }
}

/** @throws RangeError for one that nobody knows. */
export function workarounds(names: readonly string[]): Pick<Pop3Options, 'nul' | 'missingHeaderEnd'> {
  for (const name of names)
    if (name !== 'outlook-no-nuls' && name !== 'oe-ns-eoh')
      throw new RangeError(`pop3_client_workarounds: "${name}" is not known`)
  return {
    nul: names.includes('outlook-no-nuls') ? 'replace-nul' : 'keep-nul',
    missingHeaderEnd: names.includes('oe-ns-eoh') ? 'added' : 'kept',
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
