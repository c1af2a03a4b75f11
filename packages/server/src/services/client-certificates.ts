import type { CertificateReader } from '@posthorn/net'
import type { ConfigValues } from '../config/schema/schema.ts'

/** Dovecot takes OpenSSL's long names; Node writes the short ones. */
const shortNames: Readonly<Record<string, string>> = {
  commonname: 'CN',
  cn: 'CN',
  emailaddress: 'emailAddress',
  userid: 'UID',
  uid: 'UID',
  serialnumber: 'serialNumber',
  x500uniqueidentifier: 'x500UniqueIdentifier',
}

/** Whether POP3 and IMAP ask for certificates: whoever needs them need not say that they are to be asked for. */
export const asksReaders = (config: ConfigValues): boolean =>
  config.ssl_verify_client_cert || config.auth_ssl_require_client_cert || config.auth_ssl_username_from_cert

/** Dovecot: auth_ssl_username_from_cert. undefined: names in certificates mean nothing. */
export function certificateReader(config: ConfigValues): CertificateReader | undefined {
  if (!config.auth_ssl_username_from_cert) return undefined
  const field = shortName(config.ssl_cert_username_field)
  return field === undefined ? undefined : (certificate) => certificate.subjectPart(field)
}

/** What is wrong, each in a line. */
export function clientCertificateProblems(config: ConfigValues): readonly string[] {
  const problems: string[] = []
  const field = config.ssl_cert_username_field
  if (shortName(field) === undefined)
    problems.push(
      `ssl_cert_username_field: "${field}" is not known; there are commonName, emailAddress, userId, serialNumber, x500UniqueIdentifier`,
    )
  if (asksReaders(config) && config.ssl_ca === '')
    problems.push(
      'ssl_ca is empty: no certificate of a client would be trusted; name the file of its authority',
    )
  return problems
}

function shortName(field: string): string | undefined {
  return Object.hasOwn(shortNames, field.toLowerCase()) ? shortNames[field.toLowerCase()] : undefined
}
