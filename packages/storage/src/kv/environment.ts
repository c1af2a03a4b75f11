import { chmodSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { RootDatabase, Transaction } from 'lmdb'
import { StoreError } from '../contract.ts'
import { keepFromPrograms } from './close-on-exec.ts'
import { RoomAhead, type Spare } from './room-ahead.ts'

// The ES module build of lmdb 3.5.6 never calls back from an asynchronous transaction on Node 24
// (its writer thread waits for ever); the CommonJS build of the same version does.
const { open, ABORT } = createRequire(import.meta.url)('lmdb') as typeof import('lmdb')

export type Environment = RootDatabase<Uint8Array, Uint8Array>

export interface Entry {
  readonly key: Buffer
  readonly value: Buffer
}

export interface RangeLimits {
  readonly start: Buffer
  /** Exclusive. */
  readonly end: Buffer
  readonly limit?: number
}

/** Address space, not disk: growing the map later would need every process to stop reading. */
const mapSizeBytes = 2 ** 38

interface Shared {
  readonly environment: Environment
  users: number
}

/**
 * LMDB must not open a file twice in one process: the second opening waits, on the event loop, for a writer
 * that waits for the event loop. So openings of one file (device and inode) share its environment.
 */
const shared = new Map<string, Shared>()

const fileKey = (path: string): string | undefined => {
  const stat = statSync(path, { throwIfNoEntry: false })
  return stat && `${stat.dev}:${stat.ino}`
}

/** This process has the file open already. */
export const isOpenHere = (path: string): boolean => shared.has(fileKey(path) ?? '')

/**
 * 'synced': a transaction ends after the flush (`overlappingSync` would let it end at the commit). 'logged':
 * it ends without a flush, see `IndexFlusher`. 'volatile': never synced, for what ends with the boot.
 */
export type Durability = 'synced' | 'logged' | 'volatile'

export const openEnvironment = (path: string, durability: Durability): Environment => {
  const known = shared.get(fileKey(path) ?? '')
  if (known !== undefined) {
    known.users++
    return known.environment
  }
  const environment = open({
    path,
    noSubdir: true,
    encoding: 'binary',
    keyEncoding: 'binary',
    overlappingSync: false,
    // Its own batches would leave a rejection that nobody sees when a commit fails, and cost a turn.
    eventTurnBatching: false,
    noSync: durability !== 'synced',
    maxDbs: 1,
    maxReaders: 256,
    mapSize: durability === 'volatile' ? 2 ** 30 : mapSizeBytes,
  }) as unknown as Environment
  keepFromPrograms()
  rooms.set(environment, roomOf(environment, path))
  // Password hashes are in it, and the folder may have been there with other permissions.
  chmodSync(path, 0o600)
  shared.set(fileKey(path) as string, { environment, users: 1 })
  return environment
}

/** Who reads after the end is told so: lmdb-js would throw what nobody knows. Throws 'closed'. */
export const requireOpen = (environment: Environment): void => {
  if ((environment as unknown as { readonly status: string }).status !== 'open')
    throw new StoreError('closed', 'Cannot read: the store is closed')
}

const rooms = new WeakMap<Environment, RoomAhead>()

interface Internals {
  readonly env: { info(): { readonly lastPageNumber: number } }
  readonly db: {
    stat(): { readonly treeLeafPageCount: number; readonly treeBranchPageCount: number }
  }
  getWriteTxnId(): number
}

/** Whoever writes a row is counted. */
const roomOf = (environment: Environment, path: string): RoomAhead => {
  const internals = environment as unknown as Internals
  const room = new RoomAhead(path, {
    transaction: () => internals.getWriteTxnId(),
    lastPage: () => internals.env.info().lastPageNumber,
    leafPages: () => internals.db.stat().treeLeafPageCount,
    branchPages: () => internals.db.stat().treeBranchPageCount,
  })
  const putSync = environment.putSync as (this: Environment, key: Buffer, value: Buffer) => boolean
  const removeSync = environment.removeSync as (this: Environment, key: Buffer) => boolean
  Object.assign(environment, {
    putSync(key: Buffer, value: Buffer) {
      room.count(key.length + value.length)
      return putSync.call(environment, key, value)
    },
    removeSync(key: Buffer) {
      room.count(0)
      return removeSync.call(environment, key)
    },
  })
  return room
}

/** Inside a write transaction: there is room for what it will write. Throws 'ENOSPC', or what else keeps it from that. */
export const ensureRoom = (environment: Environment, spare: Spare): void =>
  rooms.get(environment)?.ensure(spare)

/** Closes it for this user; the last one closes the file. */
export const closeEnvironment = async (environment: Environment): Promise<void> => {
  for (const [key, each] of shared) {
    if (each.environment !== environment) continue
    if (--each.users > 0) return
    shared.delete(key)
    settle(environment)
    await environment.close()
    rooms.get(environment)?.close()
    return
  }
}

type SynchronousTransaction = (this: Environment, work: () => unknown, flags: number) => void

/** Flag 2 of lmdb-js: commits before it returns. */
const commitsAtOnce = 2

const transactionSyncOf = (environment: Environment): SynchronousTransaction =>
  (environment as unknown as { transactionSync: SynchronousTransaction }).transactionSync

/** A write transaction that is open over turns of the event loop; all reads of this process go through it. */
export interface OpenTransaction {
  /** Throws when it could not be committed; then nothing of it is. */
  commit(): void
}

const openTransactions = new WeakMap<Environment, () => void>()

/** `onSettle` is called when others need what is in it to be committed. */
export const openTransaction = (environment: Environment, onSettle: () => void): OpenTransaction => {
  let finish: ((result?: unknown) => void) | undefined
  // What looks like a promise keeps lmdb-js from committing until it is told to.
  const later = {
    // biome-ignore lint/suspicious/noThenProperty: that is what lmdb-js asks for
    then(committing: (result?: unknown) => void) {
      finish = committing
    },
  }
  rooms.get(environment)?.ended()
  transactionSyncOf(environment).call(environment, () => later, commitsAtOnce)
  openTransactions.set(environment, onSettle)
  return {
    commit() {
      openTransactions.delete(environment)
      try {
        rooms.get(environment)?.doubt()
        ensureRoom(environment, 'freeing')
      } catch (error) {
        finish?.(ABORT)
        throw error
      } finally {
        rooms.get(environment)?.ended()
      }
      finish?.()
    },
  }
}

/** Commits what this process holds open. */
export const settle = (environment: Environment): void => openTransactions.get(environment)?.()

/** Without waiting for a flush. It runs on the event loop, alone in all processes. */
export const transact = (environment: Environment, work: () => void): void => {
  requireOpen(environment)
  settle(environment)
  const roomy = (): void => {
    work()
    ensureRoom(environment, 'freeing')
  }
  try {
    transactionSyncOf(environment).call(environment, roomy, commitsAtOnce)
  } finally {
    rooms.get(environment)?.ended()
  }
}

/** Keeps a snapshot's pages from being used again until `release`. */
export interface Pin {
  release(): void
}

export const pinSnapshot = (environment: Environment): Pin => {
  requireOpen(environment)
  settle(environment)
  environment.resetReadTxn()
  const transaction = environment.useReadTransaction()
  return { release: () => transaction.done() }
}

/** A state of the index that can be read in later turns, too: after `settle`, in each of them. */
export interface HeldSnapshot extends Pin {
  readonly transaction: Transaction
}

export const holdSnapshot = (environment: Environment): HeldSnapshot => {
  requireOpen(environment)
  settle(environment)
  environment.resetReadTxn()
  const transaction = environment.useReadTransaction()
  return { transaction, release: () => transaction.done() }
}

/** Number of the last transaction that is committed. Call inside a write transaction. */
export const committedTransaction = (environment: Environment): number =>
  (environment as unknown as { getWriteTxnId(): number }).getWriteTxnId() - 1

export const pageBytesOf = (environment: Environment): number =>
  (environment.getStats() as { pageSize: number }).pageSize

interface BinaryReader {
  getBinaryFast(key: Buffer, options: { readonly transaction: Transaction } | undefined): unknown
}

/** Where the binding puts each value: valid until the next read of any row. */
export const peekValue = (environment: Environment, key: Buffer, held?: HeldSnapshot): Buffer | undefined =>
  (environment as unknown as BinaryReader).getBinaryFast(key, held) as Buffer | undefined

/**
 * A copy of its own, from the pool of small buffers: lmdb's `getBinary` allocates each one outside the heap.
 * @param maxBytes only so many, from the first on
 */
export const readValue = (
  environment: Environment,
  key: Buffer,
  maxBytes = Number.POSITIVE_INFINITY,
  held?: HeldSnapshot,
): Buffer | undefined => {
  const shared = peekValue(environment, key, held)
  if (shared === undefined) return undefined
  // The octets behind `length` are room for longer values.
  const sizeBytes = Math.min(shared.length, maxBytes)
  const value = Buffer.allocUnsafe(sizeBytes)
  shared.copy(value, 0, 0, sizeBytes)
  return value
}

/** A consumer must not await while it iterates: the snapshot is the current turn's. */
export const readRange = (
  environment: Environment,
  limits: RangeLimits,
  held?: HeldSnapshot,
): Iterable<Entry> =>
  environment.getRange(
    held ? { ...limits, transaction: held.transaction } : limits,
  ) as unknown as Iterable<Entry>

/** Without a look at the values. */
export const countKeys = (
  environment: Environment,
  start: Buffer,
  end: Buffer,
  held?: HeldSnapshot,
): number => environment.getKeysCount({ start, end, ...(held && { transaction: held.transaction }) })

/** The entries of [start, end), greatest key first. */
export const readRangeBackwards = (
  environment: Environment,
  limits: RangeLimits,
  held?: HeldSnapshot,
): Iterable<Entry> => backwards(environment, limits, held)

function* backwards(
  environment: Environment,
  limits: RangeLimits,
  held: HeldSnapshot | undefined,
): Generator<Entry> {
  const options = { start: limits.end, end: limits.start, reverse: true, exclusiveStart: true }
  const range = readRange(environment, { ...options, inclusiveEnd: true } as RangeLimits, held)
  let left = limits.limit ?? Number.POSITIVE_INFINITY
  for (const entry of range) {
    if (left-- <= 0) return
    yield entry
  }
}
