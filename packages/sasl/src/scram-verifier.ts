import { createHash, createHmac, pbkdf2, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { decodeBase64 } from './base64.ts'

const pbkdf2Of = promisify(pbkdf2)

/** RFC 7677 §4: at least; Cyrus's clients refuse more than 65,536. */
export const minScramIterations = 4096
export const maxScramIterations = 65_536
const saltOctets = 16
export const keyOctets = 32

/** What a server keeps of a password for SCRAM-SHA-256. RFC 5802 §3. */
export interface ScramVerifier {
  readonly iterations: number
  readonly salt: Buffer
  readonly storedKey: Buffer
  readonly serverKey: Buffer
}

export const hmac = (key: Uint8Array, text: string | Uint8Array): Buffer =>
  createHmac('sha256', key).update(text).digest()

export const sha256 = (octets: Uint8Array): Buffer => createHash('sha256').update(octets).digest()

/**
 * `SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey` (RFC 5803 §2), off the event loop.
 *
 * @param password prepared by SASLprep, as clients prepare it.
 */
export async function makeScramVerifier(
  password: Uint8Array,
  iterations: number,
  salt: Uint8Array = randomBytes(saltOctets),
): Promise<string> {
  const salted = await pbkdf2Of(password, salt, iterations, keyOctets, 'sha256')
  return formatScramVerifier({
    iterations,
    salt: Buffer.from(salt),
    storedKey: sha256(hmac(salted, 'Client Key')),
    serverKey: hmac(salted, 'Server Key'),
  })
}

export function formatScramVerifier({ iterations, salt, storedKey, serverKey }: ScramVerifier): string {
  const [s, stored, server] = [salt, storedKey, serverKey].map((octets) => octets.toString('base64'))
  return `SCRAM-SHA-256$${iterations}:${s}$${stored}:${server}`
}

/** undefined: not a verifier of SCRAM-SHA-256. */
export function parseScramVerifier(text: string): ScramVerifier | undefined {
  const match =
    /^SCRAM-SHA-256\$(\d{1,9}):([A-Za-z0-9+/=]{4,344})\$([A-Za-z0-9+/=]{44}):([A-Za-z0-9+/=]{44})$/.exec(text)
  if (match === null) return undefined
  const [salt, storedKey, serverKey] = match.slice(2).map((one) => decodeBase64(Buffer.from(one)))
  const iterations = Number(match[1])
  if (salt === undefined || storedKey?.length !== keyOctets || serverKey?.length !== keyOctets)
    return undefined
  return iterations < 1 ? undefined : { iterations, salt, storedKey, serverKey }
}

/**
 * For a user who has none: the same salt each time he is asked for, and keys that no password has
 * (RFC 5802 §9 and RFC 7677 §4: nothing tells him from others).
 *
 * @param secret the same in all processes and after a restart.
 */
export function fakeScramVerifier(secret: Uint8Array, user: string, iterations: number): string {
  const of = (what: string): Buffer => hmac(secret, `scram ${what} ${user}`)
  const salt = of('salt').subarray(0, saltOctets)
  return formatScramVerifier({ iterations, salt, storedKey: of('stored'), serverKey: of('server') })
}
