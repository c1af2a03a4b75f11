import type { Acceptance, Settlement } from '../contract.ts'
import { awaitForeignBlob, type Engine } from '../engine.ts'
import type { Unit } from '../kv/unit.ts'
import { referToBlob } from '../rows/blob-row.ts'
import {
  hasRecipients,
  readEntry,
  readRecipient,
  removeEntry,
  removeRecipient,
  type StoredEntry,
  type StoredRecipient,
  writeRecipient,
} from '../rows/queue-row.ts'
import { acceptIn, deliver, isPlaced } from './accept.ts'
import { addDue, removeDue, removeLease } from './due-index.ts'

/** An entry removed meanwhile takes no outcomes and makes no messages. */
export const settleIn = (
  engine: Engine,
  unit: Unit,
  queueId: string,
  settlements: readonly Settlement[],
  made: readonly Acceptance[],
  blobIds: readonly number[],
): { unplaced: number[]; removed: boolean } => {
  const entry = readEntry(unit, queueId)
  if (entry === undefined) {
    for (const blobId of blobIds) referToBlob(unit, blobId, 0)
    return { unplaced: [], removed: true }
  }
  const unplaced: number[] = []
  for (const settlement of settlements) {
    const recipient = readRecipient(unit, queueId, settlement.index)
    if (recipient === undefined) continue
    if (!settleOne(engine, unit, entry, recipient, settlement)) unplaced.push(settlement.index)
  }
  made.forEach((acceptance, index) => {
    acceptIn(engine, unit, acceptance, blobIds[index] as number)
  })
  const removed = !hasRecipients(unit, queueId)
  if (removed) dropEntry(unit, entry)
  // Mail that is gone wakes nobody.
  if (settlements.some(({ kind }) => kind === 'deferred')) unit.wake({ kind: 'queue' })
  return { unplaced, removed }
}

/** False when a message could not be placed; the recipient then stays claimed for the caller to defer. */
const settleOne = (
  engine: Engine,
  unit: Unit,
  entry: StoredEntry,
  recipient: StoredRecipient,
  settlement: Settlement,
): boolean => {
  const { index } = settlement
  if (settlement.kind === 'deferred') {
    const { lease: _, begun: __, ...free } = recipient
    const deferred: StoredRecipient = {
      ...free,
      dueMs: Math.max(0, Math.trunc(settlement.dueMs)),
      attempts: 0,
      delayWarned: recipient.delayWarned || settlement.delayWarned === true,
      last: settlement.note,
    }
    withdraw(unit, entry.queueId, index, recipient)
    requeue(unit, entry, index, deferred)
    return true
  }
  if (settlement.kind === 'place') {
    awaitForeignBlob(engine, unit, entry.blobId, new Set())
    // SMTP and sendmail end each line with CRLF.
    const blob = {
      id: entry.blobId,
      sizeBytes: entry.sizeBytes,
      receivedMs: entry.arrivedMs,
      missingOctets: 0,
    }
    if (!isPlaced(deliver(engine, unit, blob, settlement))) return false
    referToBlob(unit, blob.id, 1)
  }
  withdraw(unit, entry.queueId, index, recipient)
  removeRecipient(unit, entry.queueId, index)
  return true
}

const requeue = (unit: Unit, entry: StoredEntry, index: number, recipient: StoredRecipient): void => {
  writeRecipient(unit, entry.queueId, index, recipient)
  if (!entry.hold) addDue(unit, { ...recipient, queueId: entry.queueId, index })
}

/** Takes a recipient out of the due index or its lease. */
const withdraw = (unit: Unit, queueId: string, index: number, recipient: StoredRecipient): void => {
  if (recipient.lease) removeLease(unit, recipient.lease.untilMs, queueId, index)
  else removeDue(unit, { ...recipient, queueId, index })
}

const dropEntry = (unit: Unit, entry: StoredEntry): void => {
  removeEntry(unit, entry)
  referToBlob(unit, entry.blobId, -1)
}
