import { createHash } from 'node:crypto'

/** Drepper's "Unix crypt using SHA-256 and SHA-512", version 0.6. */
const variants = {
  '5': {
    algorithm: 'sha256',
    octets: 32,
    // The order in which the octets of the digest are written, three at a time, the last one first.
    order: triplets(10, [0, 10, 20], 1, [31, 30]),
  },
  '6': { algorithm: 'sha512', octets: 64, order: triplets(21, [0, 21, 42], 2, [63]) },
} as const

const defaultRounds = 5000
const saltLength = 16
const alphabet = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** `$5$…` or `$6$…`; rounds as they were written (`rounds=` left out is another text than `rounds=5000`). */
export interface ShaCryptSetting {
  readonly variant: keyof typeof variants
  readonly rounds: number
  readonly salt: string
  readonly prefix: string
}

/** undefined: not a hash or setting of this kind. */
export function readShaCrypt(text: string): ShaCryptSetting | undefined {
  const [empty, variant, third = '', fourth = ''] = text.split('$')
  if (empty !== '' || (variant !== '5' && variant !== '6')) return undefined
  const explicit = /^rounds=(\d{1,9})$/.exec(third)
  const salt = (explicit === null ? third : fourth).slice(0, saltLength)
  if (salt.includes(':') || salt.includes('\n')) return undefined
  if (explicit === null) return { variant, rounds: defaultRounds, salt, prefix: `$${variant}$${salt}$` }
  const rounds = Math.max(1000, Number(explicit[1]))
  return { variant, rounds, salt, prefix: `$${variant}$rounds=${rounds}$${salt}$` }
}

/** The whole hash. Synchronous: thousands of rounds, for a thread of its own. */
export function shaCrypt(password: Buffer, { variant, rounds, salt, prefix }: ShaCryptSetting): string {
  const { algorithm, octets, order } = variants[variant]
  const digest = (...parts: readonly Uint8Array[]) => {
    const hash = createHash(algorithm)
    for (const part of parts) hash.update(part)
    return hash.digest()
  }
  const saltBytes = Buffer.from(salt)
  const alternate = digest(password, saltBytes, password)
  const first = createHash(algorithm).update(password).update(saltBytes)
  first.update(repeated(alternate, password.length))
  for (let bits = password.length; bits > 0; bits >>>= 1) first.update(bits & 1 ? alternate : password)
  let running = first.digest()
  const p = repeated(digest(Buffer.concat(Array(password.length).fill(password))), password.length)
  const s = repeated(digest(Buffer.concat(Array(16 + running[0]!).fill(saltBytes))), saltBytes.length)
  for (let round = 0; round < rounds; round++) {
    const parts: Buffer[] = [round & 1 ? p : running]
    if (round % 3 !== 0) parts.push(s)
    if (round % 7 !== 0) parts.push(p)
    parts.push(round & 1 ? running : p)
    running = digest(Buffer.concat(parts))
  }
  return prefix + encode(running.subarray(0, octets), order)
}

function repeated(block: Buffer, length: number): Buffer {
  const result = Buffer.alloc(length)
  for (let at = 0; at < length; at += block.length)
    block.copy(result, at, 0, Math.min(block.length, length - at))
  return result
}

/** Each triplet is the one before, every index one more, turned by `turn` places. */
function triplets(
  count: number,
  start: readonly [number, number, number],
  turn: 1 | 2,
  rest: readonly number[],
): readonly (readonly number[])[] {
  const rows: number[][] = []
  let row: readonly number[] = start
  for (let i = 0; i < count; i++) {
    rows.push([...row])
    const next = row.map((index) => index + 1)
    row = turn === 1 ? [next[2]!, next[0]!, next[1]!] : [next[1]!, next[2]!, next[0]!]
  }
  return [...rows, [...rest]]
}

/** crypt(3)'s base64: least significant six bits first. */
export function encode(digest: Uint8Array, order: readonly (readonly number[])[]): string {
  let text = ''
  for (const indices of order) {
    let word = 0
    for (const index of indices) word = (word << 8) | digest[index]!
    for (let i = 0; i <= indices.length; i++) {
      text += alphabet[word & 63]
      word >>>= 6
    }
  }
  return text
}
