import type { CounterStore } from '@posthorn/storage'
import { clientNetwork } from './client-network.ts'
import type { LaneClass } from './hash-lanes.ts'
import type { CompleteOptions } from './options.ts'

/** A user who has logged in from an address within this time is known there. */
const knownForMs = 30 * 86_400_000

/** An office behind one address logs in all at once after a restart. */
const blamelessFactor = 5

export interface Admission {
  readonly lane: { readonly class: LaneClass; readonly key: string }
  readonly delayMs: number
  /** To be called once, when the attempt is over. */
  leave(): void
}

/**
 * Slows guessing, by address and by (user, address): counters live in the store, so every worker sees
 * them. A user is never shut out: failures of others at his address do not count against him once he
 * has logged in from there, and failures elsewhere never count.
 */
export interface Throttle {
  /** undefined = refused: too many failures from this address, or too many attempts under way. */
  admit(user: string, clientAddress: string): Promise<Admission | undefined>
  failed(user: string, clientAddress: string): Promise<void>
  succeeded(user: string, clientAddress: string): Promise<void>
}

export function createThrottle(parts: {
  readonly counters: CounterStore
  readonly now: () => number
  readonly options: () => CompleteOptions
}): Throttle {
  const { counters, now } = parts
  const pending = new Map<string, number>()

  function enter(key: string, failures: number): (() => void) | undefined {
    const count = pending.get(key) ?? 0
    const limit = parts.options().pendingLimit * (failures === 0 ? blamelessFactor : 1)
    if (count >= limit) return undefined
    pending.set(key, count + 1)
    return () => {
      const left = (pending.get(key) ?? 1) - 1
      if (left <= 0) pending.delete(key)
      else pending.set(key, left)
    }
  }

  return {
    async admit(user, clientAddress) {
      const { failureLimit, failureDelayMaxMs } = parts.options()
      const keys = counterKeys(user, clientAddress)
      const nowMs = now()
      const known = (await counters.get(keys.known, nowMs)) > 0
      const ofPair = await counters.get(keys.pair, nowMs)
      const ofAddress = known ? 0 : await counters.get(keys.address, nowMs)
      if (failureLimit > 0 && ofAddress >= failureLimit) return undefined
      const failures = Math.max(ofPair, ofAddress)
      const leave = enter(known ? keys.pair : keys.address, failures)
      if (leave === undefined) return undefined
      return {
        lane: { class: laneClass(known, failures), key: clientNetwork(clientAddress) },
        delayMs: penaltyMs(failures, failureDelayMaxMs),
        leave,
      }
    },
    async failed(user, clientAddress) {
      const { failureWindowMs } = parts.options()
      const keys = counterKeys(user, clientAddress)
      const nowMs = now()
      await counters.add(keys.pair, 1, nowMs, failureWindowMs)
      await counters.add(keys.address, 1, nowMs, failureWindowMs)
    },
    async succeeded(user, clientAddress) {
      const keys = counterKeys(user, clientAddress)
      if ((await counters.get(keys.known, now())) === 0) await counters.add(keys.known, 1, now(), knownForMs)
      if ((await counters.get(keys.pair, now())) > 0) await counters.reset(keys.pair)
    },
  }
}

function laneClass(known: boolean, failures: number): LaneClass {
  if (failures > 2) return 'failing'
  return known ? 'known' : 'unknown'
}

/** Nothing for the first two, then 1 s doubling to the maximum. */
export function penaltyMs(failures: number, maxMs: number): number {
  return failures < 2 ? 0 : Math.min(maxMs, 1000 * 2 ** Math.min(failures - 2, 20))
}

function counterKeys(user: string, clientAddress: string) {
  const network = clientNetwork(clientAddress)
  return {
    pair: `auth-failures ${network} ${user}`,
    address: `auth-failures ${network}`,
    known: `auth-known ${network} ${user}`,
  }
}
