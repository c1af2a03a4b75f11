import { createHash } from 'node:crypto'
import { encode } from './sha-crypt.ts'

const rounds = 1000
const saltLength = 8
const order = [[0, 6, 12], [1, 7, 13], [2, 8, 14], [3, 9, 15], [4, 10, 5], [11]]

/** The salt of `$1$salt$hash`; undefined: not of this kind. */
export function readMd5Crypt(text: string): string | undefined {
  const [empty, variant, salt = ''] = text.split('$')
  return empty === '' && variant === '1' ? salt.slice(0, saltLength) : undefined
}

/** FreeBSD's MD5 crypt, whole. Weak: only to take over what others kept. */
export function md5Crypt(password: Buffer, salt: string): string {
  const digest = (...parts: readonly Uint8Array[]): Buffer =>
    createHash('md5').update(Buffer.concat(parts)).digest()
  const saltBytes = Buffer.from(salt)
  const alternate = digest(password, saltBytes, password)
  const first: Uint8Array[] = [password, Buffer.from('$1$'), saltBytes]
  for (let left = password.length; left > 0; left -= 16) first.push(alternate.subarray(0, Math.min(16, left)))
  for (let bits = password.length; bits > 0; bits >>>= 1)
    first.push(bits & 1 ? Buffer.from([0]) : password.subarray(0, 1))
  let running = digest(...first)
  for (let round = 0; round < rounds; round++) {
    const parts: Buffer[] = [round & 1 ? password : running]
    if (round % 3 !== 0) parts.push(saltBytes)
    if (round % 7 !== 0) parts.push(password)
    parts.push(round & 1 ? running : password)
    running = digest(...parts)
  }
  return `$1$${salt}$${encode(running, order)}`
}
