import { resolve } from 'node:path'
import { openTable, type TableContext, TableError } from '@posthorn/mta'
import { TlsCredentials, type TlsSettings, TlsSettingsError } from '@posthorn/net'
import type { Config } from '../config/config.ts'
import { whereSet } from '../config/where-set.ts'
import { StartError } from '../start-error.ts'
import { readChains } from './authorities.ts'
import { readKeyPair } from './key-pair.ts'

/** PEM, one of each kind of key. */
export interface Certificates {
  readonly cert: readonly string[]
  readonly key: readonly string[]
}

/**
 * What the SMTP ports show: the chain files, or an RSA pair and an ECDSA pair. undefined: none is configured.
 * Postfix: smtpd_tls_chain_files, smtpd_tls_cert_file, smtpd_tls_eccert_file.
 * @throws StartError
 */
export function smtpdCertificates(config: Config, nowMs: number): Certificates | undefined {
  const { values } = config
  if (values.smtpd_tls_chain_files.length > 0)
    return at(config, 'smtpd_tls_chain_files', () => chainsOf(config, values.smtpd_tls_chain_files))
  const rsa = { certFile: values.smtpd_tls_cert_file, keyFile: values.smtpd_tls_key_file }
  const ecdsa = { certFile: values.smtpd_tls_eccert_file, keyFile: values.smtpd_tls_eckey_file }
  const named = [rsa, ecdsa].filter(({ certFile }) => certFile !== '')
  const pairs = named.map((files) => at(config, files.certFile, () => readKeyPair(files, nowMs)))
  return pairs.length === 0
    ? undefined
    : { cert: pairs.map(({ cert }) => cert), key: pairs.map(({ key }) => key) }
}

/**
 * Certificates for the names that clients ask for (RFC 6066 §3): `mail.example.net`, or `.example.net` for all below it, and
 * the chain files. Postfix: tls_server_sni_maps.
 * @throws StartError
 */
export function certificatesByName(
  config: Config,
  context: Pick<TableContext, 'log' | 'now'>,
): NonNullable<TlsSettings['byName']> {
  const found: Record<string, Certificates> = {}
  for (const [spec, name, files] of chainsByName(config, context))
    found[name] ??= at(config, spec, () => chainsOf(config, files, 'tls_server_sni_maps'))
  return found
}

/** Files that hold private keys of our ports; a table that cannot be read names none. */
export function keyFiles(config: Config): readonly string[] {
  const { values, folder } = config
  const files = [values.smtpd_tls_key_file, values.smtpd_tls_eckey_file, values.ssl_key].filter(
    (file) => file !== '',
  )
  const chains = [...values.smtpd_tls_chain_files]
  try {
    for (const [, , named] of chainsByName(config, { log: () => {}, now: () => 0 })) chains.push(...named)
  } catch (error) {
    if (!(error instanceof StartError)) throw error
  }
  return [...new Set([...files, ...chains.map((file) => resolve(folder, file))])]
}

function* chainsByName(
  config: Config,
  context: Pick<TableContext, 'log' | 'now'>,
): Generator<readonly [spec: string, name: string, files: readonly string[]]> {
  const { folder, values } = config
  for (const spec of values.tls_server_sni_maps) {
    const entries = at(config, spec, () => {
      const table = openTable(spec, { ...context, folder, unsafeFiles: values.unsafe_files })
      if (table.entries !== undefined) return table.entries()
      throw new StartError(`${spec}: its names cannot be listed`, 'name a table with keys, as hash:FILE')
    })
    for (const [name, value] of entries)
      yield [spec, name, value.split(/[\s,]+/).filter((file) => file !== '')]
  }
}

function chainsOf(
  config: Config,
  files: readonly string[],
  parameter = 'smtpd_tls_chain_files',
): Certificates {
  const chains = files.flatMap((file) => {
    const path = resolve(config.folder, file)
    const found = readChains(path, parameter)
    try {
      for (const chain of found) new TlsCredentials(chain)
    } catch (error) {
      if (!(error instanceof TlsSettingsError)) throw error
      throw new StartError(`${path}: ${error.message}`, 'put each key before its own certificate', {
        cause: error,
      })
    }
    return found
  })
  return { cert: chains.map(({ cert }) => cert), key: chains.map(({ key }) => key) }
}

/** A fault with the line of main.cf that names what is wrong. */
function at<T>(config: Config, named: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof TableError)
      throw new StartError(`${whereSet(config, named)}: ${error.message}`, 'mend the table', { cause: error })
    if (!(error instanceof StartError)) throw error
    throw new StartError(`${whereSet(config, named)}: ${error.message}`, error.remedy, { cause: error })
  }
}
