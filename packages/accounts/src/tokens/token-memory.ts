import { randomBytes } from 'node:crypto'
import { createMac, type MemoryLimits } from '../password-memory.ts'
import type { TokenVerdict } from './token-validator.ts'

type Valid = Extract<TokenVerdict, { readonly kind: 'valid' }>

type Verdict = TokenVerdict | { readonly kind: 'throttled' }

interface Remembered {
  readonly verdict: Valid
  readonly untilMs: number
}

/**
 * Tokens that this process has lately seen validated, until they end or `cacheTtlMs` is over: a client opens
 * several connections with one. Holds no token: an HMAC under a key that lives as long as the process.
 */
export interface TokenMemory {
  /** One question for all who ask at the same time. Only good tokens are remembered. */
  validated(token: string, nowMs: number, validate: () => Promise<Verdict>): Promise<Verdict>
  forget(): void
}

export function createTokenMemory(limits: () => MemoryLimits): TokenMemory {
  const mac = createMac(randomBytes(32))
  const good = new Map<string, Remembered>()
  const asked = new Map<string, Promise<Verdict>>()

  function remember(key: string, verdict: Valid, nowMs: number): void {
    const { cacheTtlMs, cacheLimit } = limits()
    const untilMs = Math.min(verdict.untilMs ?? Number.POSITIVE_INFINITY, nowMs + cacheTtlMs)
    if (untilMs <= nowMs) return
    if (good.size >= cacheLimit) {
      const oldest = good.keys().next().value
      if (oldest !== undefined) good.delete(oldest)
    }
    good.set(key, { verdict, untilMs })
  }

  return {
    async validated(token, nowMs, validate) {
      const key = mac(Buffer.from(token)).toString('base64')
      const known = good.get(key)
      if (known !== undefined) {
        if (known.untilMs > nowMs) return known.verdict
        good.delete(key)
      }
      const underWay = asked.get(key)
      if (underWay !== undefined) return await underWay
      const answer = validate()
      asked.set(key, answer)
      try {
        const verdict = await answer
        // Asked meanwhile to forget: the answer may be of settings that are no more.
        if (verdict.kind === 'valid' && asked.get(key) === answer) remember(key, verdict, nowMs)
        return verdict
      } finally {
        if (asked.get(key) === answer) asked.delete(key)
      }
    },
    forget() {
      good.clear()
      asked.clear()
    },
  }
}
