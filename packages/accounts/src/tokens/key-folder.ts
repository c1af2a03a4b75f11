import { createPublicKey, createSecretKey, type KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { NoKey, publicKeyAlgorithms, type TokenKeys } from './token-keys.ts'

const maxKeyBytes = 65_536

/**
 * Keys as Dovecot has them (local_validation_key_dict = fs:posix:prefix=…): to `prefix` a token's `azp/alg/kid` is
 * appended. A public key in PEM or as a JWK, base64 for HS*. The algorithm is a part of a key's name, so
 * that no key is taken for one of another kind (RFC 8725 §2.1).
 */
export function createKeyFolder(prefix: string): TokenKeys {
  return {
    async verify(token, options) {
      // Only who has such tokens waits for it.
      const jose = await import('jose')
      const { azp } = jose.decodeJwt(token)
      const algorithms = [...publicKeyAlgorithms, 'HS256', 'HS384', 'HS512']
      const { payload } = await jose.jwtVerify(
        token,
        ({ alg, kid }) => readKey(prefix, azp, alg ?? '', kid),
        { ...options, algorithms },
      )
      return payload
    },
  }
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
