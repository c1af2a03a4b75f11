import type { AdmissionLimits, CertificateReader, TlsCredentials } from '@posthorn/net'
import type { ConfigValues } from '../config/schema/schema.ts'
import { certificateReader } from './client-certificates.ts'
import { configuredMechanisms } from './mechanisms.ts'
import { shareOf } from './shared-limit.ts'

/** What IMAP and POP3 share, from Dovecot's parameters. */
export interface ReadingOptions {
  readonly greeting: string
  readonly plaintextAuth: 'allowed' | 'refused'
  readonly mechanisms: readonly string[]
  readonly certificateUser: CertificateReader | undefined
  readonly encryption: 'optional' | 'required'
  readonly isTrusted: (address: string) => boolean
  readonly credentials: TlsCredentials | undefined
  readonly loginTimeoutMs: number
}

/** This machine's own addresses: Dovecot, too, takes a connection from there for a secured one. */
export const isLoopback = (address: string): boolean => address === '::1' || address.startsWith('127.')

export function readingOptions(
  config: ConfigValues,
  credentials: TlsCredentials | undefined,
): ReadingOptions {
  const required = config.ssl === 'required'
  return {
    greeting: config.login_greeting,
    plaintextAuth: required || config.disable_plaintext_auth ? 'refused' : 'allowed',
    mechanisms: configuredMechanisms(config),
    certificateUser: certificateReader(config),
    encryption: required ? 'required' : 'optional',
    isTrusted: required ? () => false : isLoopback,
    credentials: config.ssl === 'no' ? undefined : credentials,
    loginTimeoutMs: config.login_timeout,
  }
}

const handshakesAtOnce = 500

/** 0 in the configuration means no limit. */
const orEndless = (limit: number): number => (limit === 0 ? Number.MAX_SAFE_INTEGER : limit)

export function readingLimits(
  config: ConfigValues,
  isTrusted: (address: string) => boolean,
): AdmissionLimits {
  return {
    connections: shareOf(orEndless(config.default_client_limit), config),
    connectionsPerAddress: orEndless(config.reading_client_connection_limit),
    handshakes: handshakesAtOnce,
    exempt: isTrusted,
  }
}
