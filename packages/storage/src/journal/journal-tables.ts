import { keyOf32, keyOfText, tables } from '../kv/keys.ts'

/** Tables that cannot be computed from segments: the journal repeats them. */
const journaled = new Set<number>([
  tables.meta,
  tables.account,
  tables.group,
  tables.membership,
  tables.mailbox,
  tables.mailboxState,
  tables.keywords,
  tables.subscription,
  tables.acl,
  tables.annotation,
  tables.unfinished,
  tables.removedAccount,
  tables.renaming,
  tables.uniqueId,
  tables.identifier,
  tables.chunk,
  tables.expunged,
  tables.message,
  tables.conversation,
  tables.queueEntry,
  tables.queueRecipient,
])

export const journaledTags: readonly number[] = [...journaled].sort((a, b) => a - b)

const ownSequence = keyOfText(tables.meta, 'journal')
const ownSequenceText = ownSequence.toString('latin1')

export const isJournaled = (key: Buffer): boolean => {
  const tag = key[0] as number
  if (tag === tables.part) return journaled.has(key[1] as number)
  if (!journaled.has(tag)) return false
  return tag !== tables.meta || !key.equals(ownSequence)
}

/** As `isJournaled`, of a key as latin1. */
export const isJournaledKey = (key: string): boolean => {
  const tag = key.charCodeAt(0)
  if (tag === tables.part) return journaled.has(key.charCodeAt(1))
  return journaled.has(tag) && (tag !== tables.meta || key !== ownSequenceText)
}

/**
 * Records of the journal alone, never in the index. A mark says: what became of every frame of this segment
 * before this offset is in the journal. A frame behind it that nothing refers to was not placed yet.
 */
const markTag = 0x00
const endTag = 0x02

export const markKey = (segment: number): Buffer => keyOf32(markTag as never, segment)
export const isMark = (key: Buffer): boolean => key[0] === markTag
export const segmentOfMark = (key: Buffer): number => key.readUInt32BE(1)
export const markValue = (offset: number): Buffer => {
  const value = Buffer.allocUnsafe(8)
  value.writeDoubleBE(offset)
  return value
}

/** Last record of a checkpoint: its value is the sequence number before which nothing else is needed. */
export const checkpointEndKey = Buffer.from([endTag])
export const isCheckpointEnd = (key: Buffer): boolean => key.length === 1 && key[0] === endTag
