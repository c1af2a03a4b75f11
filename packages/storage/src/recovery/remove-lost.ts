import type { QueueId } from '../contract.ts'
import { keyAfter, keyOfTable, tables } from '../kv/keys.ts'
import type { Unit } from '../kv/unit.ts'
import { openMailbox, removeMessages } from '../messages/place.ts'
import { removeWholly } from '../queue/change-many.ts'
import { blobKey, decodeBlobRow, frameBytesOf } from '../rows/blob-row.ts'
import { decodeChunk, type Placement } from '../rows/chunk.ts'
import { readMailboxState } from '../rows/mailbox-row.ts'
import { idsByArrival, readEntry } from '../rows/queue-row.ts'
import { addLiveBytes } from '../segments/segment-row.ts'
import { giveUpStaging } from '../steps/staging-area.ts'

/**
 * Removes every trace of blobs whose octets did not reach the disk. They were never acknowledged; their
 * UIDs stay used up and are reported as expunged.
 */
export const removeLost = (unit: Unit, lost: ReadonlySet<number>): number => {
  if (lost.size === 0) return 0
  let removed = 0
  for (const [mailboxId, placements] of placementsOf(unit, lost)) {
    const mailbox = openMailbox(unit, mailboxId)
    const given = placements.filter(({ uid }) => uid < mailbox.state.uidNext)
    removeMessages(unit, mailbox, given, 'drop')
    removed += given.length
    // What is being copied is given up as a whole.
    if (given.length < placements.length) giveUpStaging(unit, mailboxId)
  }
  for (const { queueId } of [...idsByArrival(unit)]) {
    const entry = readEntry(unit, queueId)
    if (!entry || !lost.has(entry.blobId)) continue
    removeWholly(unit, queueId as QueueId)
    removed++
  }
  for (const blobId of lost) {
    const row = unit.get(blobKey(blobId))
    if (row === undefined) continue
    unit.remove(blobKey(blobId))
    const { segment } = decodeBlobRow(row)
    addLiveBytes(unit, segment, -frameBytesOf(decodeBlobRow(row)))
  }
  return removed
}

/** Seldom needed, so there is no index for it: all chunks are read. */
const placementsOf = (unit: Unit, lost: ReadonlySet<number>): Map<number, Placement[]> => {
  const found = new Map<number, Placement[]>()
  const start = keyOfTable(tables.chunk)
  for (const { key, value } of unit.range({ start, end: keyAfter(start) })) {
    const mailbox = key.readUInt32BE(1)
    // Of a mailbox that is being removed the messages are gone already.
    if (readMailboxState(unit, mailbox) === undefined) continue
    for (const placement of decodeChunk(key.readUInt32BE(5), value)) {
      if (!lost.has(placement.blobId)) continue
      found.set(mailbox, [...(found.get(mailbox) ?? []), placement])
    }
  }
  return found
}
