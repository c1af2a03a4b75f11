import { hash, needsRehash, verify } from 'argon2'
import { verifyStored } from './schemes/stored-password.ts'

/** Longer ones are refused: a hash function must not be fed a stranger's megabytes. */
export const maxPasswordOctets = 4096

export interface HashCost {
  readonly memoryKib: number
  readonly timeCost: number
  readonly parallelism: number
}

/**
 * The octets that are hashed: ASCII and what is not UTF-8 as they are; other text by SASLprep's mapping
 * (RFC 4013 §2.1, §2.2: foreign spaces become a space, invisible characters go, NFKC), so that a password
 * typed on another keyboard is the same password. Nothing is prohibited.
 */
export function preparePassword(password: string | Uint8Array): Buffer {
  if (typeof password === 'string') return prepareText(password)
  const octets = Buffer.from(password.buffer, password.byteOffset, password.byteLength)
  if (octets.every((octet) => octet < 128)) return octets
  const text = decodeUtf8(octets)
  return text === undefined ? octets : prepareText(text)
}

function prepareText(text: string): Buffer {
  if (!/[^\p{ASCII}]/u.test(text)) return Buffer.from(text)
  const mapped = text
    .replace(/[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]/g, ' ')
    .replace(/\u00ad|\u034f|\u1806|[\u180b-\u180d]|[\u200b-\u200d]|\u2060|[\ufe00-\ufe0f]|\ufeff/g, '')
  return Buffer.from(mapped.normalize('NFKC'))
}

function decodeUtf8(octets: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(octets)
  } catch {
    return undefined
  }
}

/** A PHC string `$argon2id$v=19$m=…`. */
export function hashPassword(prepared: Buffer, cost: HashCost): Promise<string> {
  return hash(prepared, {
    type: 2,
    memoryCost: cost.memoryKib,
    timeCost: cost.timeCost,
    parallelism: cost.parallelism,
  })
}

/** Octets as they came: hashes of other systems were made of them. */
export function rawPassword(password: string | Uint8Array): Buffer {
  return Buffer.from(password as string)
}

/** Rejects when `stored` is in no form that can be checked. */
export function verifyPassword(stored: string, prepared: Buffer, raw: Buffer): Promise<boolean> {
  return stored.startsWith('$argon2id$') ? verify(stored, prepared) : verifyStored(stored, raw)
}

/** True when `stored` was made with another cost, or by another argon2 than argon2id. */
export function isOutdated(stored: string, cost: HashCost): boolean {
  return (
    !stored.startsWith('$argon2id$') ||
    needsRehash(stored, {
      memoryCost: cost.memoryKib,
      timeCost: cost.timeCost,
      parallelism: cost.parallelism,
    })
  )
}
