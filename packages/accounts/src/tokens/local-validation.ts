import type { Log } from '@posthorn/mail'
import type { errors } from 'jose'
import { judgeClaims, type TokenRules } from './token-claims.ts'
import { NoKey, StillNoKeys, type TokenKeys } from './token-keys.ts'
import type { TokenValidator, TokenVerdict } from './token-validator.ts'

export interface LocalValidationSettings {
  readonly name: string
  readonly advice: TokenValidator['advice']
  readonly rules: TokenRules
  readonly keys: TokenKeys
}

const clockToleranceSeconds = 10

/** JWTs by the keys at hand (RFC 7519, RFC 7515): signature, `exp` (which must be there), `nbf`. */
export function createLocalValidation(
  { name, advice, rules, keys }: LocalValidationSettings,
  { now, log }: { readonly now: () => number; readonly log: Log },
): TokenValidator {
  return {
    name,
    advice,
    async validate(token): Promise<TokenVerdict> {
      // Only who has such tokens waits for it.
      const jose = await import('jose')
      try {
        const claims = await keys.verify(token, {
          requiredClaims: ['exp'],
          clockTolerance: clockToleranceSeconds,
          currentDate: new Date(now()),
        })
        return judgeClaims(claims, rules)
      } catch (error) {
        if (error instanceof NoKey) return { kind: 'invalid', why: error.message }
        if (error instanceof jose.errors.JOSEError) return { kind: 'invalid', why: faultOf(error) }
        if (!(error instanceof StillNoKeys))
          log({ level: 'error', service: 'auth', text: `${name}: ${(error as Error).message}` })
        return { kind: 'unavailable' }
      }
    },
  }
}

function faultOf(error: errors.JOSEError): string {
  const { claim } = error as { claim?: unknown }
  return `${error.code}${typeof claim === 'string' ? ` (${claim})` : ''}`
}
