import { readFile } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import {
  createIntrospection,
  createKeyFolder,
  createKeySet,
  createLocalValidation,
  type TokenKeys,
  type TokenValidator,
} from '@posthorn/accounts'
import type { Log } from '@posthorn/mail'
import { createHttpClient, type HttpClient } from '@posthorn/net'
import type { Config } from '../config/config.ts'
import { StartError } from '../start-error.ts'
import { readPem } from '../tls/authorities.ts'
import { type OauthSettings, readOauthFile } from './oauth-file.ts'
import { parseSourceWord } from './source-word.ts'

/** An answer says who somebody is, not more. */
const maxAnswerBytes = 65_536

/**
 * Who is asked about bearer tokens: each `oauth2:FILE` of passdb.
 * @throws StartError for a file that is wrong.
 */
export function tokenValidators(
  { values, folder }: Config,
  context: { readonly log: Log; readonly now: () => number },
): readonly TokenValidator[] {
  return values.passdb.flatMap((text) => {
    const word = parseSourceWord(text, 'passdb')
    if (word.kind !== 'oauth2') return []
    const file = isAbsolute(word.path) ? word.path : join(folder, word.path)
    return [tokenValidator(file, readOauthFile(file), context)]
  })
}

function tokenValidator(
  file: string,
  settings: OauthSettings,
  context: { readonly log: Log; readonly now: () => number },
): TokenValidator {
  const { usernameAttribute, activeAttribute, activeValue, scopes, issuers, audiences } = settings
  const rules = { usernameAttribute, activeAttribute, activeValue, scopes, issuers, audiences }
  const { openidConfigurationUrl: openidConfiguration } = settings
  const advice = {
    ...(scopes.length === 0 ? {} : { scope: scopes.join(' ') }),
    ...(openidConfiguration === '' ? {} : { openidConfiguration }),
  }
  const name = `oauth2 ${file}`
  if (settings.mode === 'local')
    return createLocalValidation({ name, advice, rules, keys: keysOf(file, settings, context.now) }, context)
  const ask = httpClient(file, settings)
  return createIntrospection({ name, advice, rules, ...settings, mode: settings.mode }, { ...context, ask })
}

function keysOf(file: string, settings: OauthSettings, now: () => number): TokenKeys {
  const { keyPrefix, jwksUrl } = settings
  if (jwksUrl === '') return createKeyFolder(keyPrefix)
  const url = new URL(jwksUrl)
  if (url.protocol === 'file:') return createKeySet(async () => await readFile(url, 'utf8'), now)
  const ask = httpClient(file, settings)
  return createKeySet(async () => {
    const headers = { accept: 'application/jwk-set+json, application/json' }
    const { status, text } = await ask({ url, method: 'GET', headers })
    if (status !== 200) throw new Error(`${url.host} answered ${status}`)
    return text
  }, now)
}

function httpClient(file: string, { timeoutMs, caFile, certFile, keyFile }: OauthSettings): HttpClient {
  const pem = (path: string, name: string) =>
    path === '' ? {} : { [name]: readPem(path, `${file}: ${name}`) }
  try {
    return createHttpClient({
      timeoutMs,
      maxBytes: maxAnswerBytes,
      ...pem(caFile, 'ca'),
      ...pem(certFile, 'cert'),
      ...pem(keyFile === '' ? certFile : keyFile, 'key'),
    })
  } catch (error) {
    if (error instanceof StartError) throw error
    throw new StartError(
      `${file}: ${(error as Error).message}`,
      'tls_ca_cert_file, tls_cert_file and tls_key_file are files in PEM',
    )
  }
}
