import { hash, randomBytes, timingSafeEqual } from 'node:crypto'

interface Verified {
  readonly mac: Buffer
  /** What it was verified against: a changed password makes the memory worthless. */
  readonly passwordHash: string
  readonly untilMs: number
}
interface Refused {
  passwordHash: string
  macs: Buffer[]
  untilMs: number
}

const refusedPerPair = 8

export interface MemoryLimits {
  readonly cacheTtlMs: number
  readonly cacheLimit: number
}

/**
 * What this process has lately seen verified, by user, and refused, by user and address. Holds no
 * password: an HMAC under a key that lives as long as the process, with the user inside.
 */
export interface PasswordMemory {
  mac(user: string, prepared: Buffer): Buffer
  isVerified(user: string, passwordHash: string, mac: Buffer, nowMs: number): boolean
  verified(user: string, passwordHash: string, mac: Buffer, nowMs: number): void
  /** The same wrong password again: a client with an old password, not a guesser. */
  isRefused(pair: string, passwordHash: string, mac: Buffer, nowMs: number): boolean
  refused(pair: string, passwordHash: string, mac: Buffer, nowMs: number): void
  forget(): void
}

export function createPasswordMemory(limits: () => MemoryLimits): PasswordMemory {
  const mac = createMac(randomBytes(32))
  const good = new Map<string, Verified>()
  const bad = new Map<string, Refused>()

  return {
    mac(user, prepared) {
      return mac(Buffer.concat([Buffer.from(user), separator, prepared]))
    },
    isVerified(user, passwordHash, mac, nowMs) {
      const entry = good.get(user)
      if (entry === undefined) return false
      if (entry.untilMs <= nowMs || entry.passwordHash !== passwordHash) {
        good.delete(user)
        return false
      }
      return timingSafeEqual(entry.mac, mac)
    },
    verified(user, passwordHash, mac, nowMs) {
      const { cacheTtlMs, cacheLimit } = limits()
      if (cacheTtlMs === 0) return
      put(good, user, { mac, passwordHash, untilMs: nowMs + cacheTtlMs }, cacheLimit)
    },
    isRefused(pair, passwordHash, mac, nowMs) {
      const entry = bad.get(pair)
      if (entry === undefined || entry.untilMs <= nowMs || entry.passwordHash !== passwordHash) return false
      return entry.macs.some((one) => timingSafeEqual(one, mac))
    },
    refused(pair, passwordHash, mac, nowMs) {
      const { cacheTtlMs, cacheLimit } = limits()
      if (cacheTtlMs === 0) return
      const old = bad.get(pair)
      const macs = old?.passwordHash === passwordHash ? old.macs.slice(1 - refusedPerPair) : []
      put(bad, pair, { passwordHash, macs: [...macs, mac], untilMs: nowMs + cacheTtlMs }, cacheLimit)
    },
    forget() {
      good.clear()
      bad.clear()
    },
  }
}

const separator = Buffer.from([0])
const blockBytes = 64

/** HMAC-SHA256 (RFC 2104 §2) from two one-shot hashes: a quarter of the time of an Hmac object. */
export function createMac(key: Buffer): (message: Buffer) => Buffer {
  const pad = (octet: number) => {
    const block = Buffer.alloc(blockBytes, octet)
    for (const [i, each] of key.entries()) block[i] = octet ^ each
    return block
  }
  const [inner, outer] = [pad(0x36), pad(0x5c)]
  const sha256 = (first: Buffer, second: Buffer) => hash('sha256', Buffer.concat([first, second]), 'buffer')
  return (message) => sha256(outer, sha256(inner, message))
}

/** Newest last; the oldest goes when full. */
function put<T>(map: Map<string, T>, key: string, value: T, limit: number): void {
  map.delete(key)
  if (map.size >= limit) {
    const oldest = map.keys().next().value
    if (oldest !== undefined) map.delete(oldest)
  }
  map.set(key, value)
}
