import { cipherList } from '@posthorn/mta'
import type { TlsSettings } from '@posthorn/net'
import type { ConfigValues } from '../config/schema/schema.ts'

/** What high and medium mean here; undefined: what they are by themselves. Postfix: tls_high_cipherlist, tls_medium_cipherlist. */
export const cipherLists = (values: ConfigValues): NonNullable<Parameters<typeof cipherList>[2]> => ({
  high: values.tls_high_cipherlist,
  medium: values.tls_medium_cipherlist,
})

/** Of the SMTP ports; where TLS is required, smtpd_tls_mandatory_ciphers. */
export function smtpdCiphers(values: ConfigValues): Pick<TlsSettings, 'ciphers' | 'cipherOrder'> {
  const required = values.smtpd_tls_security_level === 'encrypt' || values.smtpd_enforce_tls
  const grade = required ? values.smtpd_tls_mandatory_ciphers : values.smtpd_tls_ciphers
  const exclude = [
    ...values.smtpd_tls_exclude_ciphers,
    ...(required ? values.smtpd_tls_mandatory_exclude_ciphers : []),
  ]
  return offered(cipherList(grade, exclude, cipherLists(values)), values.tls_preempt_cipherlist)
}

/** Of POP3 and IMAP. Dovecot: ssl_cipher_list, ssl_prefer_server_ciphers. */
export const readingCiphers = (values: ConfigValues): Pick<TlsSettings, 'ciphers' | 'cipherOrder'> =>
  offered(values.ssl_cipher_list || undefined, values.ssl_prefer_server_ciphers)

const offered = (
  ciphers: string | undefined,
  isOurs: boolean,
): Pick<TlsSettings, 'ciphers' | 'cipherOrder'> => ({
  cipherOrder: isOurs ? 'server' : 'client',
  ...(ciphers === undefined ? {} : { ciphers }),
})
