import type { TokenVerdict } from './token-validator.ts'

/** What a JWT holds, or an answer of an authorization server: RFC 7519 §4, RFC 7662 §2.2. */
export type TokenClaims = Readonly<Record<string, unknown>>

/** What makes a token good here; Dovecot's parameters of the same names. */
export interface TokenRules {
  /** username_attribute: which claim is the login. */
  readonly usernameAttribute: string
  /** active_attribute: must be there, and equal to `activeValue` unless that is ''. '' = not asked for. */
  readonly activeAttribute: string
  readonly activeValue: string
  /** scope: one of these must be granted; none = any. */
  readonly scopes: readonly string[]
  /** issuers: who may have made it; none = anybody. */
  readonly issuers: readonly string[]
  /** audience: one of these must be meant; none = any. */
  readonly audiences: readonly string[]
}

const maxUserLength = 512

/** Whether a token whose claims are known to be true lets somebody in. */
export function judgeClaims(claims: TokenClaims, rules: TokenRules): TokenVerdict {
  const why = brokenRule(claims, rules)
  if (why !== undefined) return { kind: 'invalid', why }
  if (rules.scopes.length > 0 && !meet(wordsOf(claims['scope']), rules.scopes))
    return { kind: 'invalid', why: 'not of the scope', status: 'insufficient_scope' }
  const user = textOf(claims[rules.usernameAttribute])
  if (user === undefined || user === '' || user.length > maxUserLength)
    return { kind: 'invalid', why: `"${rules.usernameAttribute}" names nobody` }
  const { exp } = claims
  return { kind: 'valid', user, untilMs: typeof exp === 'number' ? exp * 1000 : undefined }
}

function brokenRule(claims: TokenClaims, rules: TokenRules): string | undefined {
  const { activeAttribute, activeValue, issuers, audiences } = rules
  // RFC 7662 §2.2: whatever else is said of it.
  if (claims['active'] === false) return 'not active'
  if (activeAttribute !== '') {
    const value = textOf(claims[activeAttribute])
    if (value === undefined || (activeValue !== '' && value !== activeValue))
      return `"${activeAttribute}" is not as it must be`
  }
  const issuer = textOf(claims['iss'])
  if (issuers.length > 0 && (issuer === undefined || !issuers.includes(issuer))) return 'of another issuer'
  if (audiences.length > 0 && !meet(wordsOf(claims['aud']), audiences)) return 'for another audience'
  return undefined
}

const meet = (some: readonly string[], wanted: readonly string[]): boolean =>
  wanted.some((one) => some.includes(one))

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined
}

/** RFC 8693 §4.2 has one string with blanks, many servers a list. */
function wordsOf(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.filter((one) => typeof one === 'string')
  return typeof value === 'string' ? value.split(' ') : []
}
