import type { CryptoKey, JSONWebKeySet, JWTPayload, JWTVerifyGetKey, JWTVerifyOptions } from 'jose'
import { publicKeyAlgorithms, StillNoKeys, type TokenKeys } from './token-keys.ts'

/** Who could not be asked is left alone so long. */
const restMs = 2_000

/**
 * Keys as an authorization server publishes them: a JWK Set (RFC 7517 §5). It is loaded at the first token, again when
 * ten minutes are over, and when a token names a key that is not in it, but then at most every 30 seconds: anybody
 * can make such tokens. No secret is taken from it for HS*: what is public is none.
 */
export function createKeySet(load: () => Promise<string>, now: () => number): TokenKeys {
  let found: Promise<JWTVerifyGetKey> | undefined
  let restUntilMs = Number.NEGATIVE_INFINITY

  async function open(): Promise<JWTVerifyGetKey> {
    const { createLocalJWKSet, createRemoteJWKSet, customFetch } = await import('jose')
    const loadOrRest = async (): Promise<Response> => {
      const rest = restUntilMs - now()
      if (rest > 0 && rest <= restMs) throw new StillNoKeys()
      try {
        const keys: JSONWebKeySet = JSON.parse(await load())
        createLocalJWKSet(keys)
        return Response.json(keys)
      } catch (error) {
        restUntilMs = now() + restMs
        throw new Error(`no keys: ${(error as Error).message}`)
      }
    }
    // The address is ours to know: `load` asks.
    return createRemoteJWKSet(new URL('https://key.set.invalid/'), { [customFetch]: loadOrRest })
  }

  return {
    async verify(token, options) {
      const jose = await import('jose')
      found ??= open()
      const allowed = { ...options, algorithms: [...publicKeyAlgorithms] }
      try {
        return (await jose.jwtVerify(token, await found, allowed)).payload
      } catch (error) {
        if (error instanceof jose.errors.JWKSMultipleMatchingKeys) return await anyOf(error, token, allowed)
        if (error instanceof jose.errors.JWKSInvalid) throw new Error(`the key set: ${error.message}`)
        throw error
      }
    },
  }
}

/** A token that names no key, or a name that several have: one of them must have signed it. */
async function anyOf(
  keys: AsyncIterable<CryptoKey>,
  token: string,
  options: JWTVerifyOptions,
): Promise<JWTPayload> {
  const { errors, jwtVerify } = await import('jose')
  for await (const key of keys)
    try {
      return (await jwtVerify(token, key, options)).payload
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error
    }
  throw new errors.JWSSignatureVerificationFailed()
}
