import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { CounterStore, LockStore, TallyStore } from '../contract.ts'
import { closeEnvironment, type Environment, openEnvironment } from '../kv/environment.ts'
import { isNoSpace } from '../kv/no-space.ts'
import { bootId, isAlive, type ProcessIdentity } from '../process-identity.ts'
import { change } from './change.ts'
import { createTallies } from './tallies.ts'
import { ToldMessages } from './told-messages.ts'

/**
 * Counters, tallies and locks: shared by all processes, never synced, forgotten with the boot (an unsynced file
 * is whole only while the kernel that wrote it runs).
 */
export interface VolatileStore {
  readonly counters: CounterStore
  readonly tallies: TallyStore
  readonly locks: LockStore
  readonly told: ToldMessages
  close(): Promise<void>
}

/** Expired counters are swept at most so often. */
const sweepEveryMs = 60_000
const maxKeyBytes = 1_000

export const openVolatileStore = (directory: string, self: ProcessIdentity): VolatileStore => {
  const name = `volatile-${bootId()}.mdb`
  for (const each of readdirSync(directory)) {
    if (each.startsWith('volatile-') && !each.startsWith(name)) rmSync(join(directory, each), { force: true })
  }
  const environment = openEnvironment(join(directory, name), 'volatile')
  keepRoom(environment)
  return {
    counters: createCounters(environment),
    tallies: createTallies(environment, self),
    locks: createLocks(environment, self),
    told: new ToldMessages(environment),
    close: () => closeEnvironment(environment),
  }
}

/** Pages that are free already, so that locks work on a full disk, too. */
const roomBytes = 128 * 1024

const keepRoom = (environment: Environment): void => {
  const key = Buffer.from('room')
  if (environment.getBinary(key) !== undefined) return
  try {
    change(environment, () => environment.putSync(key, Buffer.alloc(roomBytes)))
    change(environment, () => environment.putSync(key, Buffer.alloc(1)))
  } catch (error) {
    if (!isNoSpace(error)) throw error
  }
}

const textKey = (kind: 'c' | 'l', text: string): Buffer => Buffer.from(kind + text).subarray(0, maxKeyBytes)

const createCounters = (environment: Environment): CounterStore => {
  let sweptMs = 0
  const current = (key: Buffer, nowMs: number): { amount: number; endMs: number } | undefined => {
    const row = environment.getBinary(key)
    if (row === undefined) return undefined
    const endMs = row.readDoubleBE(8)
    return nowMs < endMs ? { amount: row.readDoubleBE(0), endMs } : undefined
  }
  return {
    async add(name, amount, nowMs, windowMs) {
      const key = textKey('c', name)
      let sum = 0
      change(environment, () => {
        if (nowMs - sweptMs > sweepEveryMs) {
          sweptMs = nowMs
          sweep(environment, nowMs)
        }
        const before = current(key, nowMs)
        const row = Buffer.alloc(16)
        row.writeDoubleBE((before?.amount ?? 0) + amount, 0)
        row.writeDoubleBE(before?.endMs ?? nowMs + windowMs, 8)
        environment.putSync(key, row)
        sum = row.readDoubleBE(0)
      })
      return sum
    },
    async get(name, nowMs) {
      environment.resetReadTxn()
      return current(textKey('c', name), nowMs)?.amount ?? 0
    },
    async reset(name) {
      const key = textKey('c', name)
      change(environment, () => {
        environment.removeSync(key)
      })
    },
  }
}

const sweep = (environment: Environment, nowMs: number): void => {
  const range = environment.getRange({ start: Buffer.from('c'), end: Buffer.from('d') })
  const ended: Uint8Array[] = []
  for (const { key, value } of range) {
    if (Buffer.from(value).readDoubleBE(8) <= nowMs) ended.push(Buffer.from(key as Uint8Array))
  }
  for (const key of ended) environment.removeSync(key)
}

interface LockRow {
  readonly owner: string
  readonly pid: number
  readonly startTicks: number
  readonly boot: string
  readonly token: number
  readonly number: number
}

const createLocks = (environment: Environment, self: ProcessIdentity): LockStore => {
  let lastNumber = 0
  const holder = (key: Buffer): LockRow | undefined => {
    const row = environment.getBinary(key)
    return row && (JSON.parse(Buffer.from(row).toString()) as LockRow)
  }
  return {
    async acquire(name, owner) {
      const key = textKey('l', name)
      const mine: LockRow = { owner: owner.slice(0, 200), ...self, number: ++lastNumber }
      let got = false
      change(environment, () => {
        const held = holder(key)
        if (held !== undefined && isAlive(held)) return
        environment.putSync(key, Buffer.from(JSON.stringify(mine)))
        got = true
      })
      if (!got) return undefined
      return async () => {
        change(environment, () => {
          const held = holder(key)
          if (held?.token === mine.token && held.number === mine.number) environment.removeSync(key)
        })
      }
    },
  }
}
