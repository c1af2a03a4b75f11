import type { QueueChange, QueueId } from '../contract.ts'
import type { Unit } from '../kv/unit.ts'
import { referToBlob } from '../rows/blob-row.ts'
import {
  addToCount,
  readEntry,
  recipientsOf,
  recipientsOfAll,
  removeRecipient,
  removeUncounted,
  type StoredEntry,
  type StoredRecipient,
  writeEntry,
  writeRecipient,
} from '../rows/queue-row.ts'
import { readQueueWork, writeQueueWork } from '../rows/queue-work-row.ts'
import { DueChanges, removeLease } from './due-index.ts'

interface Found {
  readonly entry: StoredEntry
  readonly recipients: readonly { readonly index: number; readonly recipient: StoredRecipient }[]
}

/** What is done to entries that stay. */
export type LastingChange = Exclude<QueueChange, { kind: 'remove' }>

/** Recipients that one unit removes where a message has very many. */
const maxRemoved = 500

/** Recipients that one unit changes where messages have many. */
const maxChanged = 500

interface Changed {
  readonly changed: readonly QueueId[]
  /** How many are there. */
  readonly found: number
  /** Of these the recipients follow, step by step (`UnfinishedWork.order`). */
  readonly unordered: readonly QueueId[]
  /** To go on with in another unit. */
  readonly left: readonly QueueId[]
}

/**
 * Changes entries, as many as one unit should: all rows are read before the first is written, and each hop is put in
 * order once. Of those with very many recipients the entry is changed, which is in force at once.
 */
export const changeManyIn = (unit: Unit, queueIds: readonly QueueId[], change: LastingChange): Changed => {
  const due = new DueChanges(unit)
  const { found, large, left } = read(unit, queueIds)
  const changed: Found[] = []
  for (const each of found) if (applyTo(unit, due, each, change)) changed.push(each)
  const unordered: QueueId[] = []
  const marked: QueueId[] = []
  for (const entry of large) {
    const outcome = markFor(unit, entry, change)
    if (outcome !== 'unchanged') marked.push(entry.queueId as QueueId)
    if (outcome === 'unordered') unordered.push(entry.queueId as QueueId)
  }
  due.settle()
  wake(unit, changed, change)
  return {
    changed: [...changed.map(({ entry }) => entry.queueId as QueueId), ...marked],
    found: found.length + large.length,
    unordered,
    left,
  }
}

/**
 * Removes entries, and of those with very many recipients as many as one unit should: the others are still in the queue
 * until it is called again for what is left. @returns those that are gone or have lost recipients, and those to go on with
 */
export const removeManyIn = (
  unit: Unit,
  queueIds: readonly QueueId[],
): { readonly removed: readonly QueueId[]; readonly left: readonly QueueId[] } => {
  const due = new DueChanges(unit)
  const sorted = [...new Set(queueIds)].toSorted()
  const all = recipientsOfAll(unit, sorted)
  const removed: QueueId[] = []
  let gone = 0
  let room = maxRemoved
  let at = 0
  for (; at < sorted.length && room > 0; at++) {
    const queueId = sorted[at] as QueueId
    const entry = readEntry(unit, queueId)
    if (entry === undefined) continue
    // One more than may go shows that the entry has to stay.
    const recipients = all?.get(queueId) ?? recipientsOf(unit, queueId, room + 1)
    const isWhole = all !== undefined || recipients.length <= room
    removed.push(queueId)
    removeRecipients(unit, due, queueId, isWhole ? recipients : recipients.slice(0, room))
    if (!isWhole) break
    if (all === undefined) room -= recipients.length
    removeUncounted(unit, entry)
    referToBlob(unit, entry.blobId, -1)
    gone++
  }
  due.settle()
  addToCount(unit, -gone)
  return { removed, left: sorted.slice(at) }
}

/** The same as a whole, in one unit. */
export const removeWholly = (unit: Unit, queueId: QueueId): void => {
  for (let left: readonly QueueId[] = [queueId]; left.length > 0; ) left = removeManyIn(unit, left).left
}

/** Mail that is held wakes nobody; whose way is tried again is known by its next hop. */
const wake = (unit: Unit, changed: readonly Found[], { kind }: LastingChange): void => {
  if (kind === 'requeue') {
    const hops = new Set(
      changed.flatMap(({ recipients }) => recipients.map((each) => each.recipient.nextHop)),
    )
    for (const flushed of hops) unit.wake({ kind: 'queue', flushed })
  } else if (kind !== 'hold' && changed.length > 0) unit.wake({ kind: 'queue' })
}

const read = (
  unit: Unit,
  queueIds: readonly QueueId[],
): { readonly found: Found[]; readonly large: StoredEntry[]; readonly left: QueueId[] } => {
  const sorted = [...new Set(queueIds)].toSorted()
  const all = recipientsOfAll(unit, sorted)
  const found: Found[] = []
  const large: StoredEntry[] = []
  let room = maxChanged
  let at = 0
  for (; at < sorted.length && room > 0; at++) {
    const queueId = sorted[at] as QueueId
    const entry = readEntry(unit, queueId)
    if (entry === undefined) continue
    const recipients = all?.get(queueId) ?? recipientsOf(unit, queueId, maxChanged + 1)
    if (all === undefined) room -= recipients.length
    if (recipients.length > maxChanged) large.push(entry)
    else found.push({ entry, recipients })
  }
  return { found, large, left: sorted.slice(at) }
}

/** What the entry itself says; `applyTo` does the same with all of its recipients. */
const markFor = (
  unit: Unit,
  entry: StoredEntry,
  change: LastingChange,
): 'unchanged' | 'changed' | 'unordered' => {
  const { queueId, hold } = entry
  const isHold = change.kind === 'hold'
  if (isHold ? hold : change.kind === 'release' && !hold) return 'unchanged'
  if (change.kind === 'expire') {
    if (entry.forcedExpiry === true) return 'unchanged'
    writeEntry(unit, { ...entry, forcedExpiry: true })
    if (hold) return 'changed'
  } else if (hold !== isHold) writeEntry(unit, { ...entry, hold: isHold })
  const former = readQueueWork(unit, queueId)
  // What was begun before is not lost, and is done with the present state of the entry.
  const before = former?.kind === 'ordering' ? former : {}
  const due = 'nowMs' in change ? { nowMs: Math.trunc(change.nowMs) } : {}
  const flushed = change.kind === 'requeue' ? { flushed: true as const } : {}
  writeQueueWork(unit, queueId, { ...before, ...due, ...flushed, kind: 'ordering', from: 0 })
  return 'unordered'
}

/** False: there is nothing to do. */
const applyTo = (unit: Unit, due: DueChanges, found: Found, change: LastingChange): boolean => {
  switch (change.kind) {
    case 'hold':
      return hold(unit, due, found)
    case 'release':
      return found.entry.hold && release(unit, due, found)
    case 'requeue':
      release(unit, due, found, Math.trunc(change.nowMs))
      return true
    case 'expire':
      return expire(unit, due, found, Math.trunc(change.nowMs))
  }
}

const removeRecipients = (
  unit: Unit,
  due: DueChanges,
  queueId: string,
  recipients: Found['recipients'],
): void => {
  for (const { index, recipient } of recipients) {
    if (recipient.lease) removeLease(unit, recipient.lease.untilMs, queueId, index)
    else due.remove({ ...recipient, queueId, index })
    removeRecipient(unit, queueId, index)
  }
}

const hold = (unit: Unit, due: DueChanges, { entry, recipients }: Found): boolean => {
  if (entry.hold) return false
  writeEntry(unit, { ...entry, hold: true })
  for (const { index, recipient } of recipients)
    if (!recipient.lease) due.remove({ ...recipient, queueId: entry.queueId, index })
  return true
}

/** With `nowMs` whoever would wait longer is due then. */
const release = (
  unit: Unit,
  due: DueChanges,
  { entry, recipients }: Found,
  nowMs = Number.POSITIVE_INFINITY,
): boolean => {
  const { queueId } = entry
  if (entry.hold) writeEntry(unit, { ...entry, hold: false })
  for (const { index, recipient } of recipients) {
    if (recipient.lease) continue
    const isLater = recipient.dueMs > nowMs
    if (isLater && !entry.hold) due.remove({ ...recipient, queueId, index })
    const moved = isLater ? { ...recipient, dueMs: nowMs } : recipient
    if (isLater) writeRecipient(unit, queueId, index, moved)
    if (isLater || entry.hold) due.add({ ...moved, queueId, index })
  }
  return true
}

const expire = (unit: Unit, due: DueChanges, found: Found, nowMs: number): boolean => {
  const { entry } = found
  if (entry.forcedExpiry === true) return false
  const marked: StoredEntry = { ...entry, forcedExpiry: true }
  writeEntry(unit, marked)
  if (!entry.hold) release(unit, due, { ...found, entry: marked }, nowMs)
  return true
}
