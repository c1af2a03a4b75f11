import { createHash, pbkdf2, randomBytes, randomInt } from 'node:crypto'
import { promisify } from 'node:util'
import { hash } from 'argon2'
import { cryptInThread } from './crypt-thread.ts'

const pbkdf2Of = promisify(pbkdf2)

type Make = (password: Buffer, rounds: number | undefined) => Promise<string>

const saltLetters = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const salt = (length: number): string =>
  Array.from({ length }, () => saltLetters[randomInt(saltLetters.length)]).join('')

/** As crypt(3) does with this setting. */
async function crypt(password: Buffer, setting: string): Promise<string> {
  const made = await cryptInThread(password, setting)
  if (made === undefined) throw new RangeError(`crypt(3) does not know ${setting}`)
  return made
}

/** Of the length of a hash, so that the setting is read as a whole one. */
const sha =
  (id: '5' | '6', hashLength: number): Make =>
  (password, rounds) => {
    const asked = rounds === undefined ? '' : `rounds=${Math.min(Math.max(rounds, 1000), 1_000_000)}$`
    return crypt(password, `$${id}$${asked}${salt(16)}$${'.'.repeat(hashLength)}`)
  }

/** Dovecot's rounds for bcrypt are its cost. */
const blowfish: Make = (password, rounds = 5) => {
  const cost = String(Math.min(Math.max(rounds, 4), 14)).padStart(2, '0')
  // The 22nd letter of a salt has four bits that say nothing; crypt(3) writes them as zero.
  const last = '.Oeu'[randomInt(4)]
  return crypt(password, `$2y$${cost}$${salt(21)}${last}${'.'.repeat(31)}`)
}

const digest =
  (algorithm: string, saltOctets: number): Make =>
  async (password) => {
    const octets = randomBytes(saltOctets)
    const made = createHash(algorithm).update(password).update(octets).digest()
    return Buffer.concat([made, octets]).toString('base64')
  }

const argon2 =
  (type: 1 | 2): Make =>
  async (password, rounds = 3) => {
    const timeCost = Math.min(Math.max(rounds, 1), 10)
    const made = await hash(password, { type, memoryCost: 65_536, timeCost, parallelism: 1 })
    // libsodium, which Dovecot asks, takes the parameters in this order only.
    return made.replace(/m=(\d+),p=(\d+),t=(\d+)/, 'm=$1,t=$3,p=$2')
  }

const pbkdf2Sha1: Make = async (password, rounds = 5000) => {
  const text = salt(16)
  const count = Math.min(Math.max(rounds, 1), 1_000_000)
  const made = await pbkdf2Of(password, text, count, 20, 'sha1')
  return `$1$${text}$${count}$${made.toString('hex')}`
}

const plain: Make = async (password) => password.toString()

const makers: Readonly<Record<string, Make>> = {
  PLAIN: plain,
  CLEARTEXT: plain,
  CLEAR: plain,
  CRYPT: blowfish,
  'BLF-CRYPT': blowfish,
  'SHA512-CRYPT': sha('6', 86),
  'SHA256-CRYPT': sha('5', 43),
  'MD5-CRYPT': (password) => crypt(password, `$1$${salt(8)}$${'.'.repeat(22)}`),
  ARGON2I: argon2(1),
  ARGON2ID: argon2(2),
  PBKDF2: pbkdf2Sha1,
  SHA: digest('sha1', 0),
  SHA1: digest('sha1', 0),
  SHA256: digest('sha256', 0),
  SHA512: digest('sha512', 0),
  SSHA: digest('sha1', 4),
  SSHA256: digest('sha256', 4),
  SSHA512: digest('sha512', 4),
  SMD5: digest('md5', 4),
  'PLAIN-MD5': async (password) => createHash('md5').update(password).digest('hex'),
  'LDAP-MD5': digest('md5', 0),
}

/** Names of Dovecot's schemes that passwords can be made in. */
export const passwordMakers: readonly string[] = Object.keys(makers)

/**
 * What a passwd-file keeps of a password, behind `{SCHEME}`.
 *
 * @param scheme one of `passwordMakers`
 * @param rounds as `doveadm pw -r` has them; the scheme's own without
 */
export async function makePassword(scheme: string, password: Buffer, rounds?: number): Promise<string> {
  const make = makers[scheme]
  if (make === undefined) throw new RangeError(`Unknown scheme: ${scheme}`)
  return make(password, rounds)
}
