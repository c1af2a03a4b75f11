import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { StartError } from '../start-error.ts'

/** Certificates of authorities: a file with any number of them, and every file of a folder. undefined: none are named. Throws StartError. */
export function readAuthorities(
  parameter: 'smtp_tls' | 'smtpd_tls',
  file: string,
  folder: string,
): string | undefined {
  const texts: string[] = []
  if (file !== '') texts.push(readPem(file, `${parameter}_CAfile`))
  if (folder !== '') {
    for (const name of namesIn(folder, `${parameter}_CApath`)) {
      if (/\.(?:pem|crt|[0-9]+)$/.test(name)) texts.push(readPem(join(folder, name), `${parameter}_CApath`))
    }
  }
  return texts.length === 0 ? undefined : texts.join('\n')
}

/**
 * Private keys, each with the certificates behind it. Postfix: smtp_tls_chain_files. Throws StartError.
 */
export function readChains(
  file: string,
  parameter: string,
): readonly { readonly key: string; readonly cert: string }[] {
  const text = readPem(file, parameter)
  const starts = [...text.matchAll(/^-----BEGIN [A-Z ]*PRIVATE KEY-----$/gm)].map(({ index }) => index)
  const chains = starts.map((start, at) => text.slice(start, starts[at + 1] ?? text.length))
  const broken = chains.some((chain) => !chain.includes('-----BEGIN CERT'))
  if (starts.length === 0 || broken)
    throw new StartError(
      `${file} (${parameter}): no private key with its certificates behind it`,
      'put the key first, then its certificate, then those of the authorities between',
    )
  return chains.map((chain) => {
    const end = chain.indexOf('-----BEGIN CERT')
    return { key: chain.slice(0, end), cert: chain.slice(end) }
  })
}

/** Certificates that are trusted in the place of authorities. Throws StartError. Postfix: smtp_tls_trust_anchor_file. */
export function readAnchors(files: readonly string[], parameter: string): string | undefined {
  if (files.length === 0) return undefined
  const texts = files.map((file) => {
    const text = readPem(file, parameter)
    if (
      !/^-----BEGIN (?:TRUSTED )?CERTIFICATE-----$/m.test(text) ||
      /^-----BEGIN PUBLIC KEY-----$/m.test(text)
    )
      throw new StartError(
        `${file} (${parameter}): no certificates, or public keys beside them`,
        'name files with certificates; for a public key use the level fingerprint',
      )
    return text
  })
  return texts.join('\n')
}

/** The text of a PEM file that a parameter names. Throws StartError. */
export function readPem(file: string, parameter: string): string {
  return orStartError(() => readFileSync(file, 'utf8'), file, parameter)
}

function namesIn(folder: string, parameter: string): readonly string[] {
  return orStartError(() => readdirSync(folder), folder, parameter)
}

function orStartError<T>(read: () => T, path: string, parameter: string): T {
  try {
    return read()
  } catch (error) {
    throw new StartError(
      `Cannot read ${path} (${parameter})`,
      'correct the name or the permissions of the file',
      { cause: error },
    )
  }
}
