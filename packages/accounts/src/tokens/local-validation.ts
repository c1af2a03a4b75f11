import { createPublicKey, createSecretKey, type KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Log } from '@posthorn/mail'
import type { errors } from 'jose'
import { judgeClaims, type TokenRules } from './token-claims.ts'
import type { TokenValidator, TokenVerdict } from './token-validator.ts'

export interface LocalValidationSettings {
  readonly name: string
  readonly advice: TokenValidator['advice']
  readonly rules: TokenRules
  /** Dovecot: local_validation_key_dict = fs:posix:prefix=…; to it `azp/alg/kid` is appended. */
  readonly keyPrefix: string
}

/** `none` and what is encrypted are not among them. RFC 8725 §3.1. */
const algorithms = ['HS', 'RS', 'PS', 'ES'].flatMap((kind) => [256, 384, 512].map((bits) => `${kind}${bits}`))
const clockToleranceSeconds = 10
const maxKeyBytes = 65_536

/** A key that is not there, as against one that cannot be read. */
class NoKey extends Error {}

/**
 * JWTs by the keys at hand (RFC 7519, RFC 7515): signature, `exp` (which must be there), `nbf`. Keys are files
 * as Dovecot has them: a public key in PEM or as a JWK, base64 for HS*. The algorithm is a part of a key's
 * name, so that no key is taken for one of another kind (RFC 8725 §2.1).
 */
export function createLocalValidation(
  { name, advice, rules, keyPrefix }: LocalValidationSettings,
  { now, log }: { readonly now: () => number; readonly log: Log },
): TokenValidator {
  return {
    name,
    advice,
    async validate(token): Promise<TokenVerdict> {
      // Only who has such tokens waits for it.
      const jose = await import('jose')
      try {
        const { azp } = jose.decodeJwt(token)
        const { payload } = await jose.jwtVerify(
          token,
          ({ alg, kid }) => readKey(keyPrefix, azp, alg ?? '', kid),
          {
            algorithms: [...algorithms, 'EdDSA'],
            requiredClaims: ['exp'],
            clockTolerance: clockToleranceSeconds,
            currentDate: new Date(now()),
          },
        )
        return judgeClaims(payload, rules)
      } catch (error) {
        if (error instanceof NoKey) return { kind: 'invalid', why: error.message }
        if (error instanceof jose.errors.JOSEError) return { kind: 'invalid', why: faultOf(error) }
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

async function readKey(
  prefix: string,
  azp: unknown,
  alg: string,
  kid: unknown = 'default',
): Promise<KeyObject> {
  if (typeof kid !== 'string' || kid === '') throw new NoKey('names no key')
  const place = [typeof azp === 'string' && azp !== '' ? azp : 'default', alg, kid].map(pathPart).join('/')
  if (/[^\x20-\x7e]/.test(place) || place.length > 512) throw new NoKey('names no key')
  let text: string
  try {
    const octets = await readFile(`${prefix}${place}`)
    if (octets.length > maxKeyBytes) throw new Error(`key ${place} is longer than ${maxKeyBytes} octets`)
    text = octets.toString('utf8').trim()
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? ''))
      throw new NoKey(`there is no key ${place}`)
    throw error
  }
  if (alg.startsWith('HS')) return createSecretKey(Buffer.from(text, 'base64'))
  return text.startsWith('{')
    ? createPublicKey({ key: JSON.parse(text), format: 'jwk' })
    : createPublicKey(text)
}

/** Dovecot escapes `%` and `/`; a token must not lead out of the folder. */
function pathPart(text: string): string {
  const escaped = text.replaceAll('%', '%25').replaceAll('/', '%2f')
  return escaped.replace(/^\.+$/, (dots) => dots.replaceAll('.', '%2e'))
}
