import type { Log } from '@posthorn/mail'
import { judgeClaims, type TokenClaims, type TokenRules } from './token-claims.ts'
import type { TokenValidator, TokenVerdict } from './token-validator.ts'

/** HTTP as this needs it; rejects with the reason. */
export type AskHttp = (question: {
  readonly url: URL
  readonly method: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}) => Promise<{ readonly status: number; readonly text: string }>

export interface IntrospectionSettings {
  readonly name: string
  readonly advice: TokenValidator['advice']
  readonly rules: TokenRules
  /** Dovecot: tokeninfo_url; the token is appended. Asked first; '' = not at all. */
  readonly tokeninfoUrl: string
  /** Dovecot: introspection_url; '' = none. */
  readonly introspectionUrl: string
  /** `auth`: GET with the token as the bearer's; `get`: appended to the address; `post`: RFC 7662 §2.1. */
  readonly mode: 'auth' | 'get' | 'post'
  /** Ask introspection_url even when tokeninfo_url has said all. */
  readonly force: boolean
  /** Who we are there: HTTP Basic, RFC 6749 §2.3.1. '' = nobody. */
  readonly clientId: string
  readonly clientSecret: string
}

/** Who does not answer is left alone so long, and logins with tokens are told at once to come back later. */
const restMs = 2_000

type Asked =
  | { readonly kind: 'claims'; readonly claims: TokenClaims }
  | Exclude<TokenVerdict, { readonly kind: 'valid' }>

/** Asks the authorization server about each token. RFC 7662, and the older ways that Dovecot knows. */
export function createIntrospection(
  settings: IntrospectionSettings,
  parts: { readonly ask: AskHttp; readonly now: () => number; readonly log: Log },
): TokenValidator {
  const { name, advice, rules, tokeninfoUrl, introspectionUrl, mode, force } = settings
  let restUntilMs = Number.NEGATIVE_INFINITY

  function silent(reason: string): Asked {
    restUntilMs = parts.now() + restMs
    parts.log({ level: 'error', service: 'auth', text: `${name}: ${reason}` })
    return { kind: 'unavailable' }
  }

  async function ask(how: 'auth' | 'get' | 'post', address: string, token: string): Promise<Asked> {
    const rest = restUntilMs - parts.now()
    if (rest > 0 && rest <= restMs) return { kind: 'unavailable' }
    try {
      const { status, text } = await parts.ask(questionOf(how, address, token, settings))
      if (status === 200) {
        const claims = readObject(text)
        return claims === undefined ? silent('the answer is no JSON object') : { kind: 'claims', claims }
      }
      // To `post` a bad token is no error (RFC 7662 §2.2), so it is we who are refused.
      const isVerdict = how !== 'post' && status >= 400 && status < 500 && status !== 408 && status !== 429
      return isVerdict ? { kind: 'invalid', why: `answered ${status}` } : silent(`answered ${status}`)
    } catch (error) {
      return silent(error instanceof Error ? error.message : String(error))
    }
  }

  return {
    name,
    advice,
    async validate(token) {
      let claims: TokenClaims = {}
      if (tokeninfoUrl !== '') {
        const told = await ask('get', tokeninfoUrl, token)
        if (told.kind !== 'claims') return told
        claims = told.claims
      }
      const lacks = claims[rules.usernameAttribute] === undefined
      if (introspectionUrl !== '' && (tokeninfoUrl === '' || force || lacks)) {
        const told = await ask(mode, introspectionUrl, token)
        if (told.kind !== 'claims') return told
        claims = { ...claims, ...told.claims }
      }
      return judgeClaims(claims, rules)
    },
  }
}

function questionOf(
  how: 'auth' | 'get' | 'post',
  address: string,
  token: string,
  { clientId, clientSecret }: IntrospectionSettings,
): Parameters<AskHttp>[0] {
  const url = new URL(how === 'get' ? `${address}${encodeURIComponent(token)}` : address)
  const [id, secret] =
    url.username === ''
      ? [encodeURIComponent(clientId), encodeURIComponent(clientSecret)]
      : [url.username, url.password]
  url.username = ''
  url.password = ''
  const accept = { accept: 'application/json' }
  if (how === 'auth') return { url, method: 'GET', headers: { ...accept, authorization: `Bearer ${token}` } }
  const headers =
    id === ''
      ? accept
      : { ...accept, authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` }
  if (how === 'get') return { url, method: 'GET', headers }
  return {
    url,
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ token }).toString(),
  }
}

function readObject(text: string): TokenClaims | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as TokenClaims)
      : undefined
  } catch {
    return undefined
  }
}
