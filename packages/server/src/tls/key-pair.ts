import { createPrivateKey, X509Certificate } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeDurably } from '../durable-file.ts'
import { errorCode, StartError } from '../start-error.ts'
import type { PemPair } from './self-signed.ts'

export interface KeyPairFiles {
  /** PEM with the certificate and its chain; '' = the server's own. */
  readonly certFile: string
  /** PEM with the private key; '' = in `certFile`. */
  readonly keyFile: string
}

export interface KeyPair extends PemPair {
  readonly certFile: string
  readonly selfMade: boolean
}

/** Where the certificate of the first start lives: `DATA/tls/cert.pem`, `key.pem`. */
export const ownFiles = (dataDirectory: string): KeyPairFiles => ({
  certFile: join(dataDirectory, 'tls', 'cert.pem'),
  keyFile: join(dataDirectory, 'tls', 'key.pem'),
})

function readPem(file: string, parameter: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new StartError(
      `cannot read ${file}: ${error instanceof Error ? error.message : String(error)}`,
      `set ${parameter} to a readable PEM file, or remove it to use the server's own certificate`,
      { cause: error },
    )
  }
}

/** Reads and checks a certificate with its key. Throws StartError naming the file that is wrong. */
export function readKeyPair(files: KeyPairFiles, nowMs: number): KeyPair {
  const keyFile = files.keyFile === '' ? files.certFile : files.keyFile
  const cert = readPem(files.certFile, 'smtpd_tls_cert_file / ssl_cert')
  const key = readPem(keyFile, 'smtpd_tls_key_file / ssl_key')
  const parsed = parse(
    () => new X509Certificate(cert),
    files.certFile,
    'a PEM certificate (-----BEGIN CERTIFICATE-----)',
  )
  const privateKey = parse(() => createPrivateKey(key), keyFile, 'a PEM private key without a passphrase')
  if (!parsed.checkPrivateKey(privateKey))
    throw new StartError(
      `the key in ${keyFile} does not belong to the certificate in ${files.certFile}`,
      'install the key that the certificate was issued for',
    )
  if (Date.parse(parsed.validTo) < nowMs)
    throw new StartError(`the certificate in ${files.certFile} expired on ${parsed.validTo}`, 'renew it')
  return { cert, key, certFile: files.certFile, selfMade: false }
}

function parse<T>(read: () => T, file: string, wanted: string): T {
  try {
    return read()
  } catch (error) {
    throw new StartError(`${file} does not hold ${wanted}`, `replace the file with ${wanted}`, {
      cause: error,
    })
  }
}

function writeNew(dataDirectory: string, pair: PemPair): void {
  const { certFile, keyFile } = ownFiles(dataDirectory)
  mkdirSync(join(dataDirectory, 'tls'), { recursive: true, mode: 0o700 })
  // The certificate last: without it both are made anew.
  writeDurably(keyFile, pair.key, 0o600)
  writeDurably(certFile, pair.cert, 0o644)
}

/** The server's own certificate, made at the first start; node-forge is loaded only then. */
export async function loadOwnKeyPair(
  dataDirectory: string,
  hostname: string,
  nowMs: number,
): Promise<KeyPair> {
  const own = ownFiles(dataDirectory)
  try {
    readFileSync(own.certFile)
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error
    const { createSelfSigned } = await import('./self-signed.ts')
    const names = [...new Set([hostname, 'localhost', '127.0.0.1', '::1'])]
    writeNew(dataDirectory, await createSelfSigned(names, nowMs))
  }
  return { ...readKeyPair(own, nowMs), selfMade: true }
}
