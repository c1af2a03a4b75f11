import type { Unit } from '../kv/unit.ts'
import { DueChanges, NewDues } from '../queue/due-index.ts'
import { referToBlob } from '../rows/blob-row.ts'
import { readEntry, recipientsOf, removeRecipient, writeRecipient } from '../rows/queue-row.ts'
import {
  type Accepting,
  type Ordering,
  readQueueWork,
  removeQueueWork,
  writeQueueWork,
} from '../rows/queue-work-row.ts'

/** Recipients that one unit handles. */
export const stepRecipients = 250

/**
 * One step of what a row says; several processes may do it. A message that this process no longer accepts loses what
 * was written of it.
 */
export const queueStep = (unit: Unit, queueId: string, self: number): 'more' | 'done' => {
  const work = readQueueWork(unit, queueId)
  if (work === undefined) return 'done'
  if (work.kind === 'ordering') return orderStep(unit, queueId, work)
  return work.owner === self ? takeBackStep(unit, queueId, work) : 'done'
}

/** Puts the next recipients where the entry says now. Done again it changes nothing. */
const orderStep = (unit: Unit, queueId: string, work: Ordering): 'more' | 'done' => {
  const entry = readEntry(unit, queueId)
  const { from, nowMs = Number.POSITIVE_INFINITY } = work
  const recipients = entry === undefined ? [] : recipientsOf(unit, queueId, stepRecipients, from)
  const due = new DueChanges(unit)
  // A hop's time can only become an earlier one by these.
  const added = new NewDues(unit)
  const hops = new Set<string>()
  for (const { index, recipient } of recipients) {
    if (recipient.lease) continue
    const isLater = recipient.dueMs > nowMs
    const moved = isLater ? { ...recipient, dueMs: nowMs } : recipient
    if (isLater || entry?.hold === true) due.remove({ ...recipient, queueId, index })
    if (isLater) writeRecipient(unit, queueId, index, moved)
    if (entry?.hold === true) continue
    added.add({ ...moved, queueId, index })
    hops.add(recipient.nextHop)
  }
  due.settle()
  added.settle()
  const isLast = recipients.length < stepRecipients
  if (work.flushed === true) for (const flushed of hops) unit.wake({ kind: 'queue', flushed })
  // Whoever is woken looks at all hops: at the first step, so that the first leave soon, and at the last.
  else if ((from === 0 || isLast) && entry?.hold === false) unit.wake({ kind: 'queue' })
  if (!isLast) {
    writeQueueWork(unit, queueId, { ...work, from: (recipients.at(-1)?.index ?? 0) + 1 })
    return 'more'
  }
  removeQueueWork(unit, queueId)
  return 'done'
}

const takeBackStep = (unit: Unit, queueId: string, { blobId }: Accepting): 'more' | 'done' => {
  const recipients = recipientsOf(unit, queueId, stepRecipients)
  for (const { index } of recipients) removeRecipient(unit, queueId, index)
  if (recipients.length === stepRecipients) return 'more'
  referToBlob(unit, blobId, -1)
  removeQueueWork(unit, queueId)
  return 'done'
}
