import type { Acceptance, QueueEntry, QueueStore } from '../contract.ts'
import { type Engine, snapshotOf } from '../engine.ts'
import type { Unit } from '../kv/unit.ts'
import { placeAll } from '../messages/placing.ts'
import {
  idsByArrival,
  readCount,
  readEntry,
  readRecipient,
  recipientsOf,
  type StoredRecipient,
  toQueueEntry,
  writeEntry,
  writeRecipient,
} from '../rows/queue-row.ts'
import { acceptIn, factsOf } from './accept.ts'
import { acceptClaimedIn, claimDueIn, endDeadLeases, giveBack } from './claim.ts'
import { addDue, allHops, dueOfHop, leasesUntil, nextDueMs, removeDue } from './due-index.ts'
import type { QueueIds } from './queue-ids.ts'
import { removeWhole, settleIn } from './settle.ts'

const defaultPage = 1_000
/** Recipients that one unit of a flush makes due. */
const flushSlice = 250
const maxRememberedPlaces = 1_000
const endless = Number.POSITIVE_INFINITY

export const createQueueStore = (engine: Engine, ids: QueueIds): QueueStore => {
  // Where a page ended, should its last entry be gone when the next page is asked for.
  const places = new Map<string, number>()
  return {
    newId: () => ids.next(),
    accept: (acceptance) =>
      placeAll(engine, [stagedOf(engine, acceptance)], (unit, [blobId]) =>
        acceptIn(engine, unit, acceptance, blobId as number),
      ),
    acceptClaimed: (acceptance, claim) =>
      placeAll(engine, [stagedOf(engine, acceptance)], (unit, [blobId]) =>
        acceptClaimedIn(engine, unit, acceptance, blobId as number, { ...claim, self: engine.self }),
      ),
    claimDue: (claim) => claimDue(engine, claim),
    begin: (queueId, indexes) => engine.commit.run((unit) => begin(unit, queueId, indexes)),
    settle: (queueId, settlements, made = []) =>
      placeAll(
        engine,
        made.map((each) => stagedOf(engine, each)),
        (unit, blobIds) => settleIn(engine, unit, queueId, settlements, made, blobIds),
      ),
    release: (owner) => engine.commit.run((unit) => release(unit, owner)),
    async releaseDead(nowMs) {
      if (leasesUntil(snapshotOf(engine), endless).length === 0) return 0
      return engine.commit.run((unit) => endDeadLeases(unit, nowMs))
    },
    async get(queueId) {
      const snapshot = snapshotOf(engine)
      const entry = readEntry(snapshot, queueId)
      return entry && toQueueEntry(entry, recipientsOf(snapshot, queueId))
    },
    list: async (page = {}) => list(engine, places, page),
    async count() {
      return readCount(snapshotOf(engine))
    },
    async nextDueMs() {
      return nextDueMs(snapshotOf(engine))
    },
    async read(queueId, start = 0, end = Number.MAX_SAFE_INTEGER) {
      const entry = readEntry(snapshotOf(engine), queueId)
      return entry && engine.blobs.readRange(entry.blobId, start, end)
    },
    flush: (what) => flush(engine, what),
    setHold: (queueId, to) => engine.commit.run((unit) => setHold(unit, queueId, to)),
    expire: (queueId, nowMs) => engine.commit.run((unit) => expire(unit, queueId, nowMs)),
    remove: (queueId) => engine.commit.runFreeing((unit) => removeWhole(unit, queueId)),
  }
}

const stagedOf = (engine: Engine, acceptance: Acceptance) => ({
  message: acceptance.message,
  facts: factsOf(engine, acceptance),
})

/** Nothing due costs no transaction: the queue is asked often. */
const claimDue = async (
  engine: Engine,
  claim: Parameters<QueueStore['claimDue']>[0],
): Promise<readonly QueueEntry[]> => {
  const snapshot = snapshotOf(engine)
  const due = nextDueMs(snapshot)
  if ((due === undefined || due > claim.nowMs) && leasesUntil(snapshot, claim.nowMs).length === 0) return []
  return engine.commit.run((unit) => claimDueIn(unit, claim, engine.self))
}

const counted = (begun: number) => (begun > 0 ? { begun } : {})

const begin = (unit: Unit, queueId: string, indexes: readonly number[]): void => {
  for (const index of indexes) {
    const recipient = readRecipient(unit, queueId, index)
    if (recipient?.lease === undefined || recipient.lease.begun === true) continue
    const lease = { ...recipient.lease, begun: true as const }
    writeRecipient(unit, queueId, index, { ...recipient, begun: (recipient.begun ?? 0) + 1, lease })
  }
}

const release = (unit: Unit, owner: string): void => {
  for (const { queueId, index } of leasesUntil(unit, endless)) {
    if (readRecipient(unit, queueId, index)?.lease?.owner !== owner) continue
    giveBack(unit, queueId, index, ({ begun = 0, ...recipient }, lease) => ({
      ...recipient,
      ...counted(lease.begun === true ? begun - 1 : begun),
      attempts: Math.max(0, recipient.attempts - 1),
    }))
  }
  unit.wake({ kind: 'queue' })
}

const list = (
  engine: Engine,
  places: Map<string, number>,
  page: Parameters<QueueStore['list']>[0] & {},
): QueueEntry[] => {
  const snapshot = snapshotOf(engine)
  const entries: QueueEntry[] = []
  const limit = page.limit ?? defaultPage
  const { after } = page
  const arrivedMs =
    after === undefined
      ? undefined
      : (page.afterArrivedMs ?? readEntry(snapshot, after)?.arrivedMs ?? places.get(after))
  if (after !== undefined && arrivedMs === undefined) return []
  const place = after !== undefined && arrivedMs !== undefined ? { arrivedMs, queueId: after } : undefined
  for (const { queueId } of idsByArrival(snapshot, place)) {
    if (entries.length >= limit) break
    const entry = readEntry(snapshot, queueId)
    if (entry) entries.push(toQueueEntry(entry, recipientsOf(snapshot, queueId)))
  }
  const last = entries.at(-1)
  if (last) remember(places, last)
  return entries
}

const remember = (places: Map<string, number>, { queueId, arrivedMs }: QueueEntry): void => {
  places.delete(queueId)
  places.set(queueId, arrivedMs)
  for (const oldest of places.keys()) {
    if (places.size <= maxRememberedPlaces) break
    places.delete(oldest)
  }
}

/** Recipients that now wait in vain: those due later than now. */
const flush = async (
  engine: Engine,
  { nowMs, queueId, nextHop }: Parameters<QueueStore['flush']>[0],
): Promise<number> => {
  const snapshot = snapshotOf(engine)
  const later: { queueId: string; index: number }[] = []
  if (queueId !== undefined) {
    for (const { index } of recipientsOf(snapshot, queueId)) later.push({ queueId, index })
  } else {
    for (const { hash, row } of allHops(snapshot)) {
      if (nextHop !== undefined && row.nextHop !== nextHop) continue
      later.push(...dueOfHop(snapshot, hash, Number.MAX_SAFE_INTEGER, endless))
    }
  }
  let flushed = 0
  for (let from = 0; from < later.length; from += flushSlice) {
    const slice = later.slice(from, from + flushSlice)
    flushed += await engine.commit.run((unit) => {
      const hops = slice.map((each) => makeDue(unit, each.queueId, each.index, Math.trunc(nowMs)))
      const made = hops.filter((hop) => hop !== undefined)
      const flushed = queueId === undefined ? [nextHop ?? ''] : new Set(made)
      for (const hop of flushed) unit.wake({ kind: 'queue', flushed: hop })
      return made.length
    })
  }
  return flushed
}

/** The next hop of a recipient that is due now; undefined: gone, held or being delivered. */
const makeDue = (unit: Unit, queueId: string, index: number, nowMs: number): string | undefined => {
  const recipient = readRecipient(unit, queueId, index)
  if (recipient === undefined || recipient.lease || readEntry(unit, queueId)?.hold) return undefined
  if (recipient.dueMs > nowMs) moveDue(unit, queueId, index, recipient, nowMs)
  return recipient.nextHop
}

const moveDue = (
  unit: Unit,
  queueId: string,
  index: number,
  recipient: StoredRecipient,
  dueMs: number,
): void => {
  removeDue(unit, { ...recipient, queueId, index })
  const moved = { ...recipient, dueMs }
  writeRecipient(unit, queueId, index, moved)
  addDue(unit, { ...moved, queueId, index })
}

const expire = (unit: Unit, queueId: string, nowMs: number): boolean => {
  const entry = readEntry(unit, queueId)
  if (entry === undefined || entry.forcedExpiry === true) return false
  writeEntry(unit, { ...entry, forcedExpiry: true })
  for (const { index } of recipientsOf(unit, queueId)) makeDue(unit, queueId, index, Math.trunc(nowMs))
  unit.wake({ kind: 'queue' })
  return true
}

const setHold = (unit: Unit, queueId: string, to: 'held' | 'released'): boolean => {
  const entry = readEntry(unit, queueId)
  if (entry === undefined) return false
  const hold = to === 'held'
  if (entry.hold === hold) return true
  writeEntry(unit, { ...entry, hold })
  for (const { index, recipient } of recipientsOf(unit, queueId)) {
    if (recipient.lease) continue
    if (hold) removeDue(unit, { ...recipient, queueId, index })
    else addDue(unit, { ...recipient, queueId, index })
  }
  unit.wake({ kind: 'queue' })
  return true
}
