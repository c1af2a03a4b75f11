import { createHash, pbkdf2, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { verify as verifyArgon2 } from 'argon2'
import { cryptProblem } from './crypt.ts'
import { cryptInThread } from './crypt-thread.ts'

const pbkdf2Of = promisify(pbkdf2)
const maxIterations = 1_000_000

/** A password as another system keeps it: `{SCHEME}…` of Dovecot, or a hash of crypt(3) or argon2 as it is. */
interface Stored {
  readonly scheme: string
  readonly text: string
}

type Check = (password: Buffer, text: string) => Promise<boolean>

interface Scheme {
  readonly check: Check
  /** Why this one cannot be checked. */
  readonly problem: (text: string) => string | undefined
}

const crypt: Scheme = {
  check: async (password, text) => same(await cryptInThread(password, text), text),
  problem: cryptProblem,
}

const plain: Scheme = {
  check: async (password, text) => same(password.toString('latin1'), Buffer.from(text).toString('latin1')),
  problem: (text) => (text === '' ? 'the password is empty' : undefined),
}

const argon2: Scheme = {
  check: (password, text) => verifyArgon2(text, password),
  problem: (text) => argon2Problem(text),
}

/** `$1$salt$rounds$hex`, as `doveadm pw -s PBKDF2` writes it. */
const pbkdf2Sha1: Scheme = {
  async check(password, text) {
    const [, , salt = '', rounds = '', hex = ''] = text.split('$')
    const made = await pbkdf2Of(password, salt, Number(rounds), 20, 'sha1')
    return same(made.toString('hex'), hex.toLowerCase())
  },
  problem(text) {
    const match = /^\$1\$[^$:]+\$(\d{1,9})\$[0-9a-fA-F]{40}$/.exec(text)
    if (match === null) return 'not of the form $1$salt$rounds$hash'
    return Number(match[1]) > maxIterations ? `more than ${maxIterations} rounds` : undefined
  },
}

/** A digest of password and salt, the salt behind the digest. */
const digest = (algorithm: string, octets: number, salted: 'salted' | 'bare'): Scheme => ({
  async check(password, text) {
    const octetsOf = decodeDigest(text, octets)
    const made = createHash(algorithm).update(password).update(octetsOf.subarray(octets)).digest()
    return timingSafeEqual(made, octetsOf.subarray(0, octets))
  },
  problem(text) {
    const { length } = decodeDigest(text, octets)
    const fits = salted === 'bare' ? length === octets : length > octets && length <= octets + 256
    return fits ? undefined : `not a ${algorithm} digest${salted === 'salted' ? ' with its salt' : ''}`
  },
})

const schemes: Readonly<Record<string, Scheme>> = {
  PLAIN: plain,
  CLEARTEXT: plain,
  CLEAR: plain,
  CRYPT: crypt,
  'SHA512-CRYPT': crypt,
  'SHA256-CRYPT': crypt,
  'MD5-CRYPT': crypt,
  'BLF-CRYPT': crypt,
  ARGON2I: argon2,
  ARGON2ID: argon2,
  PBKDF2: pbkdf2Sha1,
  SHA: digest('sha1', 20, 'bare'),
  SHA1: digest('sha1', 20, 'bare'),
  SHA256: digest('sha256', 32, 'bare'),
  SHA512: digest('sha512', 64, 'bare'),
  SSHA: digest('sha1', 20, 'salted'),
  SSHA256: digest('sha256', 32, 'salted'),
  SSHA512: digest('sha512', 64, 'salted'),
  SMD5: digest('md5', 16, 'salted'),
  'PLAIN-MD5': digest('md5', 16, 'bare'),
  'LDAP-MD5': digest('md5', 16, 'bare'),
}

const reasons: Readonly<Record<string, string>> = {
  'CRAM-MD5': 'only good for CRAM-MD5, which is not offered',
  'DIGEST-MD5': 'only good for DIGEST-MD5, which is not offered',
  'SCRAM-SHA-1': 'SCRAM-SHA-1 is not offered',
  'DES-CRYPT': 'DES crypt is too weak to be taken over',
  LANMAN: 'not a hash of the password itself',
  NTLM: 'not a hash of the password itself',
  OTP: 'one-time passwords are not offered',
}

/** Names of Dovecot's schemes that can be checked. */
export const passwordSchemes: readonly string[] = Object.keys(schemes)

/** Why a stored password cannot be checked, in words for the administrator; undefined: it can. */
export function storedPasswordProblem(stored: string): string | undefined {
  const { scheme, text } = readStored(stored)
  const known = schemes[scheme]
  if (known === undefined) return `{${scheme}}: ${reasons[scheme] ?? 'unknown scheme'}`
  const problem = known.problem(text)
  return problem === undefined ? undefined : `{${scheme}}: ${problem}`
}

/** Rejects for what `storedPasswordProblem` names. */
export async function verifyStored(stored: string, password: Buffer): Promise<boolean> {
  const problem = storedPasswordProblem(stored)
  if (problem !== undefined) throw new Error(`Cannot check a password against ${problem}`)
  const { scheme, text } = readStored(stored)
  return await schemes[scheme]!.check(password, text)
}

const cryptNames: Readonly<Record<string, string>> = {
  '6': 'SHA512-CRYPT',
  '5': 'SHA256-CRYPT',
  '1': 'MD5-CRYPT',
}

/** The name of the form a password is kept in, for lists; '' when there is none. */
export function storedScheme(stored: string): string {
  if (stored === '') return ''
  const { scheme, text } = readStored(stored)
  if (scheme !== 'CRYPT') return scheme
  const variant = text.split('$')[1] ?? ''
  return cryptNames[variant] ?? (/^2[aby]$/.test(variant) ? 'BLF-CRYPT' : scheme)
}

/** Dovecot: without a scheme it is a hash of crypt(3); `.b64` and `.hex` behind its name say what is seen anyway. */
function readStored(stored: string): Stored {
  const named = /^\{([A-Za-z0-9-]{1,30})(?:\.[A-Za-z0-9]{1,6})?\}/.exec(stored)
  if (named === null) return { scheme: stored.startsWith('$argon2') ? 'ARGON2ID' : 'CRYPT', text: stored }
  const name = named[1]!.toUpperCase()
  const text = stored.slice(named[0].length)
  if (name === 'MD5') return { scheme: text.startsWith('$1$') ? 'MD5-CRYPT' : 'PLAIN-MD5', text }
  if (name === 'CRYPT' && text.startsWith('$argon2')) return { scheme: 'ARGON2ID', text }
  return { scheme: name, text }
}

function decodeDigest(text: string, octets: number): Buffer {
  const isHex = text.length >= octets * 2 && text.length % 2 === 0 && /^[0-9a-fA-F]+$/.test(text)
  return Buffer.from(text, isHex ? 'hex' : 'base64')
}

/** 1 GiB and ten passes are more than anybody's login should cost. */
function argon2Problem(text: string): string | undefined {
  const match = /^\$argon2(?:i|id|d)\$v=\d+\$m=(\d{1,9}),t=(\d{1,9}),p=(\d{1,4})\$[^$]+\$[^$]+$/.exec(text)
  if (match === null) return 'not an argon2 hash'
  return Number(match[1]) > 1 << 20 || Number(match[2]) > 10
    ? 'its cost is above 1 GiB or ten passes'
    : undefined
}

function same(made: string | undefined, stored: string): boolean {
  if (made === undefined) return false
  const [a, b] = [Buffer.from(made), Buffer.from(stored)]
  return a.length === b.length && timingSafeEqual(a, b)
}
