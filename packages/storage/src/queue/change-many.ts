import type { QueueChange, QueueId } from '../contract.ts'
import type { Unit } from '../kv/unit.ts'
import { referToBlob } from '../rows/blob-row.ts'
import {
  addToCount,
  readEntry,
  recipientsOfAll,
  removeRecipient,
  removeUncounted,
  type StoredEntry,
  type StoredRecipient,
  writeEntry,
  writeRecipient,
} from '../rows/queue-row.ts'
import { DueChanges, removeLease } from './due-index.ts'

interface Found {
  readonly entry: StoredEntry
  readonly recipients: readonly { readonly index: number; readonly recipient: StoredRecipient }[]
}

/**
 * Changes entries in one unit: all rows are read before the first is written, and each hop is put in order once. @returns
 * those that were changed.
 */
export const changeManyIn = (unit: Unit, queueIds: readonly QueueId[], change: QueueChange): QueueId[] => {
  const due = new DueChanges(unit)
  const changed: Found[] = []
  for (const found of read(unit, queueIds)) if (applyTo(unit, due, found, change)) changed.push(found)
  due.settle()
  if (change.kind === 'remove') addToCount(unit, -changed.length)
  wake(unit, changed, change)
  return changed.map(({ entry }) => entry.queueId as QueueId)
}

/** Mail that is gone or held wakes nobody; whose way is tried again is known by its next hop. */
const wake = (unit: Unit, changed: readonly Found[], { kind }: QueueChange): void => {
  if (kind === 'requeue') {
    const hops = new Set(
      changed.flatMap(({ recipients }) => recipients.map((each) => each.recipient.nextHop)),
    )
    for (const flushed of hops) unit.wake({ kind: 'queue', flushed })
  } else if (kind !== 'remove' && kind !== 'hold' && changed.length > 0) unit.wake({ kind: 'queue' })
}

const read = (unit: Unit, queueIds: readonly QueueId[]): Found[] => {
  const sorted = [...new Set(queueIds)].toSorted()
  const recipients = recipientsOfAll(unit, sorted)
  return sorted.flatMap((queueId) => {
    const entry = readEntry(unit, queueId)
    return entry === undefined ? [] : [{ entry, recipients: recipients.get(queueId) ?? [] }]
  })
}

/** False: there is nothing to do. */
const applyTo = (unit: Unit, due: DueChanges, found: Found, change: QueueChange): boolean => {
  switch (change.kind) {
    case 'remove':
      remove(unit, due, found)
      return true
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

const remove = (unit: Unit, due: DueChanges, { entry, recipients }: Found): void => {
  const { queueId } = entry
  for (const { index, recipient } of recipients) {
    if (recipient.lease) removeLease(unit, recipient.lease.untilMs, queueId, index)
    else due.remove({ ...recipient, queueId, index })
    removeRecipient(unit, queueId, index)
  }
  removeUncounted(unit, entry)
  referToBlob(unit, entry.blobId, -1)
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
