import { TlsCredentials, type TlsSettings, TlsSettingsError } from '@posthorn/net'
import type { Config } from '../config/config.ts'
import { whereSet } from '../config/where-set.ts'
import { asksReaders } from '../services/client-certificates.ts'
import { readingCiphers, smtpdCiphers } from '../services/tls-ciphers.ts'
import { readingTlsVersions, smtpTlsVersions } from '../services/tls-versions.ts'
import { StartError } from '../start-error.ts'
import { readAuthorities, readPem } from '../tls/authorities.ts'
import { loadOwnKeyPair, readKeyPair } from '../tls/key-pair.ts'
import { type Certificates, certificatesByName, smtpdCertificates } from '../tls/server-certificates.ts'
import type { DataFolder } from './data-folder.ts'

type Clock = Parameters<typeof certificatesByName>[1]

export interface CredentialSources {
  readonly config: Config
  readonly folder: DataFolder
  /** Called when keys have been read: from here on nobody needs to be root. */
  readonly dropPrivileges?: () => void
}

/** Configured keys may be readable by root alone, so they are read before `dropPrivileges`; our own is made after. */
async function keyPairs(config: Config, folder: DataFolder, { log, now }: Clock, dropPrivileges = () => {}) {
  const { values } = config
  const smtpd = smtpdCertificates(config, now())
  const readers = config.isSet('ssl_cert') ? readersPair(config, now()) : smtpd
  const byName = certificatesByName(config, { log, now })
  const ca = readAuthorities('smtpd_tls', values.smtpd_tls_CAfile, values.smtpd_tls_CApath)
  const clients = readersCertificates(values)
  dropPrivileges()
  const own = async (): Promise<Certificates> => {
    const { cert, key } = await loadOwnKeyPair(folder.path, values.myhostname, now())
    return { cert: [cert], key: [key] }
  }
  const transfer = smtpd ?? (await own())
  const reading = readers ?? (await own())
  return {
    // Without any the system's would be trusted: not to say who a client is. Postfix: smtpd_tls_CAfile.
    transfer: { ...transfer, byName, ...smtpTlsVersions(values), ...smtpdCiphers(values), ca: ca ?? [] },
    reading: { ...reading, byName, ...readingTlsVersions(values), ...readingCiphers(values), ...clients },
  }
}

/** Dovecot: ssl_cert, ssl_key. undefined: the server's own. */
function readersPair(config: Config, nowMs: number): Certificates | undefined {
  const { ssl_cert: certFile, ssl_key: keyFile } = config.values
  if (certFile === '') return undefined
  try {
    const { cert, key } = readKeyPair({ certFile, keyFile }, nowMs)
    return { cert: [cert], key: [key] }
  } catch (error) {
    if (!(error instanceof StartError)) throw error
    throw new StartError(`${whereSet(config, certFile)}: ${error.message}`, error.remedy, { cause: error })
  }
}

/** What cannot be used together, as a list of ciphers that names none. */
function credentialsOf(settings: TlsSettings, side: string): TlsCredentials {
  try {
    return new TlsCredentials(settings)
  } catch (error) {
    if (!(error instanceof TlsSettingsError)) throw error
    throw new StartError(`TLS of ${side}: ${error.message}`, 'mend what main.cf says of it', { cause: error })
  }
}

/** Dovecot: ssl_ca, authorities and what they have revoked in one file. */
function readersCertificates(
  values: Config['values'],
): Pick<TlsSettings, 'ca' | 'crl' | 'clientCertificates'> {
  if (!asksReaders(values) || values.ssl_ca === '') return {}
  const text = readPem(values.ssl_ca, 'ssl_ca')
  const crl = text.match(/^-----BEGIN X509 CRL-----$[A-Za-z0-9+/=\s]*^-----END X509 CRL-----$/gm) ?? []
  return { ca: text, clientCertificates: 'asked', ...(crl.length === 0 ? {} : { crl }) }
}

/** Keys and certificates of both sides, and how they are read anew. */
export async function serverCredentials({ config, folder, dropPrivileges }: CredentialSources, clock: Clock) {
  const pairs = await keyPairs(config, folder, clock, dropPrivileges)
  return {
    transfer: credentialsOf(pairs.transfer, 'SMTP'),
    reading: credentialsOf(pairs.reading, 'POP3 and IMAP'),
    certificatePem: pairs.reading.cert[0] ?? '',
    /** Reads the files anew; the returned function puts them into force. */
    prepare: async (next: Config) => {
      const fresh = await keyPairs(next, folder, clock)
      return (credentials: { readonly transfer: TlsCredentials; readonly reading: TlsCredentials }): void => {
        credentials.transfer.replace(fresh.transfer)
        credentials.reading.replace(fresh.reading)
      }
    },
  }
}
