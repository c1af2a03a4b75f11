import type { SecureVersion } from 'node:tls'
import type { ConfigValues } from '../config/schema/schema.ts'
import { StartError } from '../start-error.ts'

export interface TlsVersions {
  readonly minVersion: SecureVersion
  readonly maxVersion: SecureVersion
}

/** What is offered at all, oldest first. RFC 8996: nothing below 1.2. */
const versions: readonly SecureVersion[] = ['TLSv1.2', 'TLSv1.3']
const known = ['sslv2', 'sslv3', 'tlsv1', 'tlsv1.1', 'tlsv1.2', 'tlsv1.3']

/** `>=TLSv1.2`, `<=TLSv1.2`, `!TLSv1.2`, `TLSv1.3`. Throws Error for words that are no versions. Postfix: smtpd_tls_protocols. */
export function readTlsVersions(words: readonly string[]): TlsVersions {
  let allowed = [...versions]
  const named = new Set<string>()
  for (const word of words) {
    const [, sign = '', name = ''] = /^(>=|<=|!)?(.+)$/.exec(word.toLowerCase()) ?? []
    const rank = known.indexOf(name)
    if (rank === -1) throw new Error(`"${word}" is no TLS version: ${known.slice(2).join(' ')}`)
    const rankOf = (version: string): number => known.indexOf(version.toLowerCase())
    if (sign === '>=') allowed = allowed.filter((version) => rankOf(version) >= rank)
    else if (sign === '<=') allowed = allowed.filter((version) => rankOf(version) <= rank)
    else if (sign === '!') allowed = allowed.filter((version) => rankOf(version) !== rank)
    else named.add(name)
  }
  if (named.size > 0) allowed = allowed.filter((version) => named.has(version.toLowerCase()))
  const [minVersion] = allowed
  const maxVersion = allowed.at(-1)
  if (minVersion === undefined || maxVersion === undefined)
    throw new Error(`"${words.join(' ')}" leaves no TLS version: TLSv1.2 and TLSv1.3 are there`)
  return { minVersion, maxVersion }
}

/** Of the SMTP ports; where TLS is required, smtpd_tls_mandatory_protocols. Throws StartError. */
export function smtpTlsVersions(values: ConfigValues): TlsVersions {
  const required = values.smtpd_tls_security_level === 'encrypt' || values.smtpd_enforce_tls
  const parameter = required ? 'smtpd_tls_mandatory_protocols' : 'smtpd_tls_protocols'
  try {
    return readTlsVersions(values[parameter])
  } catch (error) {
    throw new StartError(`${parameter}: ${(error as Error).message}`, 'write for instance >=TLSv1.2')
  }
}

/** Of POP3 and IMAP. */
export function readingTlsVersions({ ssl_min_protocol: oldest }: ConfigValues): TlsVersions {
  return {
    minVersion: oldest === 'TLSv1.3' || oldest === 'LATEST' ? 'TLSv1.3' : 'TLSv1.2',
    maxVersion: 'TLSv1.3',
  }
}
