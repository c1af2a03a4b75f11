import { bcrypt, readBcrypt } from './bcrypt.ts'
import { md5Crypt, readMd5Crypt } from './md5-crypt.ts'
import { readShaCrypt, shaCrypt } from './sha-crypt.ts'

/** About a second of one processor; more would let one login hold up the others. */
const maxRounds = 1_000_000
const maxBcryptCost = 14

/** Why a hash of crypt(3) cannot be checked here; undefined: it can. */
export function cryptProblem(stored: string): string | undefined {
  const sha = readShaCrypt(stored)
  if (sha !== undefined)
    return sha.rounds > maxRounds ? `more than ${maxRounds} rounds of SHA-crypt` : undefined
  const blowfish = readBcrypt(stored)
  if (blowfish !== undefined)
    return blowfish.cost > maxBcryptCost ? `bcrypt with a cost above ${maxBcryptCost}` : undefined
  if (readMd5Crypt(stored) !== undefined) return undefined
  if (stored.startsWith('$y$') || stored.startsWith('$gy$'))
    return 'yescrypt is checked through saslauthd only (passdb = saslauthd)'
  if (/^[./0-9A-Za-z]{13}$/.test(stored)) return 'DES crypt is too weak to be taken over'
  return 'no known form of crypt(3)'
}

/** What crypt(3) makes of the password with the setting of `stored`. Synchronous and slow. */
export function cryptLike(password: Buffer, stored: string): string | undefined {
  const sha = readShaCrypt(stored)
  if (sha !== undefined) return shaCrypt(password, sha)
  const blowfish = readBcrypt(stored)
  if (blowfish !== undefined) return bcrypt(password, blowfish)
  const salt = readMd5Crypt(stored)
  return salt === undefined ? undefined : md5Crypt(password, salt)
}
