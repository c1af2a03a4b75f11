import type { Unit } from '../kv/unit.ts'
import { chunkKey, chunkRows, chunkShift, decodeChunk } from '../rows/chunk.ts'
import { removeSomeExpunged } from '../rows/expunged-row.ts'
import { readMailboxState, writeMailboxState } from '../rows/mailbox-row.ts'
import { referToMessage } from '../rows/message-row.ts'
import { readUnfinished, removeUnfinished } from '../rows/unfinished-row.ts'
import { removeSomeUniqueIds } from '../rows/unique-id-row.ts'
import { LiveBytes } from '../segments/segment-row.ts'

const stepHistoryRows = 500

/** One step of what a 'clearing' row says; several processes may do it. */
export const clearStep = (unit: Unit, mailbox: number, stepMessages: number): 'more' | 'done' => {
  const stepChunks = Math.max(1, stepMessages >>> chunkShift)
  const work = readUnfinished(unit, mailbox)
  if (work?.kind !== 'clearing') return 'done'
  const rows: { chunk: number; bytes: Buffer }[] = []
  for (const row of chunkRows(unit, mailbox, work.fromUid)) if (rows.push(row) === stepChunks) break
  const live = new LiveBytes()
  for (const { chunk, bytes } of rows) {
    for (const { messageId } of decodeChunk(chunk, bytes)) referToMessage(unit, messageId, -1, live)
    unit.remove(chunkKey(mailbox, chunk))
  }
  live.write(unit)
  if (rows.length > 0) return 'more'
  if (work.fromUid === 0 && removeSomeExpunged(unit, mailbox, stepHistoryRows)) return 'more'
  if (work.fromUid === 0 && removeSomeUniqueIds(unit, mailbox, stepHistoryRows)) return 'more'
  removeUnfinished(unit, mailbox)
  const state = readMailboxState(unit, mailbox)
  if (state !== undefined) writeMailboxState(unit, mailbox, { ...state, stagedFrom: 0 })
  return 'done'
}
