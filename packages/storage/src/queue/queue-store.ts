import { setImmediate as nextTurn } from 'node:timers/promises'
import type { QueueChange, QueueEntry, QueueId, QueuePlace, QueueStore } from '../contract.ts'
import { type Engine, snapshotOf } from '../engine.ts'
import type { Reader, Unit } from '../kv/unit.ts'
import { placeAll } from '../messages/placing.ts'
import {
  idsByArrival,
  readCount,
  readEntry,
  readRecipient,
  recipientsOf,
  toQueueEntry,
  writeRecipient,
} from '../rows/queue-row.ts'
import { acceptIn, stagedOf } from './accept.ts'
import { acceptInSteps, isLarge } from './accept-in-steps.ts'
import { changeManyIn, type LastingChange, removeManyIn } from './change-many.ts'
import { acceptClaimedIn, claimDueIn, endDeadLeases, endedLeases, giveBack } from './claim.ts'
import { allHops, DueChanges, type DuePlace, dueOfHop, leasesUntil, nextDueMs } from './due-index.ts'
import type { QueueIds } from './queue-ids.ts'
import { settleIn } from './settle.ts'

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
      isLarge(acceptance)
        ? acceptInSteps(engine, acceptance)
        : placeAll(engine, [stagedOf(engine, acceptance)], (unit, [blobId]) =>
            acceptIn(engine, unit, acceptance, blobId as number),
          ),
    acceptClaimed: async (acceptance, claim) =>
      isLarge(acceptance)
        ? { accepted: await acceptInSteps(engine, acceptance), claimed: undefined }
        : await placeAll(engine, [stagedOf(engine, acceptance)], (unit, [blobId]) =>
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
    async setHold(queueId, to) {
      const { found } = await changeLasting(engine, [queueId], { kind: to === 'held' ? 'hold' : 'release' })
      return found > 0
    },
    expire: async (queueId, nowMs) =>
      (await changeMany(engine, [queueId], { kind: 'expire', nowMs })).length > 0,
    remove: async (queueId) => (await changeMany(engine, [queueId], { kind: 'remove' })).length > 0,
    async places(after, limit) {
      const found: QueuePlace[] = []
      if (limit > 0)
        for (const { queueId, arrivedMs } of idsByArrival(snapshotOf(engine), after)) {
          found.push({ queueId: queueId as QueueId, arrivedMs })
          if (found.length >= limit) break
        }
      return found
    },
    changeMany: (queueIds, change) => changeMany(engine, queueIds, change),
  }
}

const changeMany = async (
  engine: Engine,
  queueIds: readonly QueueId[],
  change: QueueChange,
): Promise<QueueId[]> => {
  if (queueIds.length === 0) return []
  if (change.kind === 'remove') return await removeMany(engine, queueIds)
  return (await changeLasting(engine, queueIds, change)).changed
}

/** What a crash cuts off is in force from its first unit on, and finished later. */
const changeLasting = async (
  engine: Engine,
  queueIds: readonly QueueId[],
  change: LastingChange,
): Promise<{ readonly changed: QueueId[]; readonly found: number }> => {
  const changed: QueueId[] = []
  let found = 0
  for (let left = queueIds; left.length > 0; ) {
    const part = await engine.commit.run((unit) => changeManyIn(unit, left, change))
    changed.push(...part.changed)
    found += part.found
    left = part.left
    for (const queueId of part.unordered) await engine.unfinished.order(queueId)
  }
  return { changed, found }
}

/** A crash leaves recipients that were not removed yet; nobody was told that they were. */
const removeMany = async (engine: Engine, queueIds: readonly QueueId[]): Promise<QueueId[]> => {
  const all = new Set<QueueId>()
  for (let left = queueIds; left.length > 0; ) {
    const part = await engine.commit.runFreeing((unit) => removeManyIn(unit, left))
    for (const queueId of part.removed) all.add(queueId)
    left = part.left
  }
  return [...all]
}

/** Nothing due costs no transaction: the queue is asked often. */
const claimDue = async (
  engine: Engine,
  claim: Parameters<QueueStore['claimDue']>[0],
): Promise<readonly QueueEntry[]> => {
  const snapshot = snapshotOf(engine)
  const due = nextDueMs(snapshot)
  if ((due === undefined || due > claim.nowMs) && endedLeases(snapshot, claim, engine.self).length === 0)
    return []
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

/** Recipients that now wait in vain: those due later than now. A page at a time: nobody waits for all of them. */
const flush = async (
  engine: Engine,
  { nowMs, queueId, nextHop, domain }: Parameters<QueueStore['flush']>[0],
): Promise<number> => {
  const make = (places: readonly Recipient[]): Promise<number> =>
    engine.commit.run((unit) =>
      makeAllDue(unit, places, Math.trunc(nowMs), queueId === undefined ? (nextHop ?? '') : undefined),
    )
  let flushed = 0
  if (queueId !== undefined) {
    const all = recipientsOf(snapshotOf(engine), queueId).map(({ index }) => ({ queueId, index }))
    for (let at = 0; at < all.length; at += flushSlice) flushed += await make(all.slice(at, at + flushSlice))
    return flushed
  }
  let places: Recipient[] = []
  for (const { hash, row } of allHops(snapshotOf(engine))) {
    if (nextHop !== undefined && row.nextHop !== nextHop) continue
    for (let behind: DuePlace | undefined, isMore = true; isMore; ) {
      const page = dueOfHop(snapshotOf(engine), hash, flushSlice, endless, behind)
      places.push(...(domain === undefined ? page : ofDomain(snapshotOf(engine), page, domain)))
      behind = page.at(-1)
      isMore = page.length === flushSlice
      // Most of what waits there may be for others.
      if (domain !== undefined) await nextTurn()
      if (places.length < flushSlice) continue
      flushed += await make(places)
      places = []
    }
  }
  return flushed + (await make(places))
}

const ofDomain = (reader: Reader, places: readonly DuePlace[], domain: string): DuePlace[] =>
  places.filter(({ queueId, index }) => {
    const address = readRecipient(reader, queueId, index)?.address ?? ''
    return address.slice(address.lastIndexOf('@') + 1).toLowerCase() === domain
  })

interface Recipient {
  readonly queueId: string
  readonly index: number
}

/** @param flushed the next hop that is flushed, '' = all; undefined: those of the recipients. */
const makeAllDue = (
  unit: Unit,
  places: readonly Recipient[],
  nowMs: number,
  flushed: string | undefined,
): number => {
  const due = new DueChanges(unit)
  const hops: string[] = []
  for (const { queueId, index } of places) {
    const recipient = readRecipient(unit, queueId, index)
    // Gone, held, being delivered or being accepted.
    if (recipient === undefined || recipient.lease || readEntry(unit, queueId)?.hold !== false) continue
    hops.push(recipient.nextHop)
    if (recipient.dueMs <= nowMs) continue
    const moved = { ...recipient, dueMs: nowMs }
    due.remove({ ...recipient, queueId, index })
    writeRecipient(unit, queueId, index, moved)
    due.add({ ...moved, queueId, index })
  }
  due.settle()
  for (const hop of flushed === undefined ? new Set(hops) : [flushed])
    unit.wake({ kind: 'queue', flushed: hop })
  return hops.length
}
