import { TlsCredentials, type TlsSettings } from '@posthorn/net'
import type { Config } from '../config/config.ts'
import { whereSet } from '../config/where-set.ts'
import { asksReaders } from '../services/client-certificates.ts'
import { readingTlsVersions, smtpTlsVersions } from '../services/tls-versions.ts'
import { StartError } from '../start-error.ts'
import { readAuthorities, readPem } from '../tls/authorities.ts'
import { type KeyPair, type KeyPairFiles, loadOwnKeyPair, readKeyPair } from '../tls/key-pair.ts'
import type { DataFolder } from './data-folder.ts'

export interface CredentialSources {
  readonly config: Config
  readonly folder: DataFolder
  /** Called when keys have been read: from here on nobody needs to be root. */
  readonly dropPrivileges?: () => void
}

function configuredPair(config: Config, pair: KeyPairFiles, nowMs: number): KeyPair {
  try {
    return readKeyPair(pair, nowMs)
  } catch (error) {
    if (!(error instanceof StartError)) throw error
    throw new StartError(`${whereSet(config, pair.certFile)}: ${error.message}`, error.remedy, {
      cause: error,
    })
  }
}

/** Configured keys may be readable by root alone, so they are read before `dropPrivileges`; our own is made after. */
async function keyPairs(config: Config, folder: DataFolder, nowMs: number, dropPrivileges = () => {}) {
  const { values } = config
  const files = [
    { certFile: values.smtpd_tls_cert_file, keyFile: values.smtpd_tls_key_file },
    { certFile: values.ssl_cert, keyFile: values.ssl_key },
  ] as const
  const configured = files.map((pair) =>
    pair.certFile === '' ? undefined : configuredPair(config, pair, nowMs),
  )
  const ca = readAuthorities('smtpd_tls', values.smtpd_tls_CAfile, values.smtpd_tls_CApath)
  const clients = readersCertificates(values)
  dropPrivileges()
  const own = async (): Promise<KeyPair> => await loadOwnKeyPair(folder.path, values.myhostname, nowMs)
  const transfer = configured[0] ?? (await own())
  const reading = configured[1] ?? (await own())
  return {
    // Without any the system's would be trusted: not to say who a client is. Postfix: smtpd_tls_CAfile.
    transfer: { ...transfer, ...smtpTlsVersions(values), ca: ca ?? [] },
    reading: { ...reading, ...readingTlsVersions(values), ...clients },
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
export async function serverCredentials(
  { config, folder, dropPrivileges }: CredentialSources,
  nowMs: number,
) {
  const pairs = await keyPairs(config, folder, nowMs, dropPrivileges)
  return {
    transfer: new TlsCredentials(pairs.transfer),
    reading: new TlsCredentials(pairs.reading),
    certificatePem: pairs.reading.cert,
    /** Reads the files anew; the returned function puts them into force. */
    prepare: async (next: Config) => {
      const fresh = await keyPairs(next, folder, nowMs)
      return (credentials: { readonly transfer: TlsCredentials; readonly reading: TlsCredentials }): void => {
        credentials.transfer.replace(fresh.transfer)
        credentials.reading.replace(fresh.reading)
      }
    },
  }
}
