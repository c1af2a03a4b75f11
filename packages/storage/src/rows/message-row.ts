import { keyOf64, read64, tables, write64 } from '../kv/keys.ts'
import { unsigned32, write32 } from '../kv/numbers.ts'
import type { Reader, Unit } from '../kv/unit.ts'
import type { LiveBytes } from '../segments/segment-row.ts'
import { referToBlob } from './blob-row.ts'
import { removeConversation } from './conversation-row.ts'
import { amendLong, getLong, putLong, putNewLong, removeLong } from './long-value.ts'
import { takeSequence } from './sequence.ts'

/** One message: a trace prefix before a blob. Copies of it in mailboxes share the row. */
export interface MessageRow {
  readonly blobId: number
  readonly references: number
  readonly prefix: Buffer
}

const fixedBytes = 12
const referencesAt = 8

export const messageKey = (messageId: number): Buffer => keyOf64(tables.message, messageId)

export const decodeMessageRow = (bytes: Buffer): MessageRow => ({
  blobId: read64(bytes, 0),
  references: bytes.readUInt32BE(referencesAt),
  prefix: bytes.subarray(fixedBytes),
})

/** Throws 'corrupt'. */
export const readMessageRow = (reader: Reader, messageId: number): MessageRow | undefined => {
  const bytes = getLong(reader, messageKey(messageId))
  return bytes && decodeMessageRow(bytes)
}

export const hasMessageRow = (reader: Reader, messageId: number): boolean =>
  reader.get(messageKey(messageId)) !== undefined

const encodeMessageRow = (row: MessageRow): Buffer => {
  const bytes = Buffer.allocUnsafe(fixedBytes + row.prefix.length)
  write64(bytes, row.blobId, 0)
  bytes.writeUInt32BE(row.references, referencesAt)
  row.prefix.copy(bytes, fixedBytes)
  return bytes
}

export const writeMessageRow = (unit: Unit, messageId: number, row: MessageRow): void =>
  putLong(unit, messageKey(messageId), encodeMessageRow(row))

/** A new message with one reference, which refers once to its blob. */
export const createMessage = (unit: Unit, blobId: number, prefix: Buffer): number => {
  const messageId = createUnreferringMessage(unit, blobId, prefix)
  referToBlob(unit, blobId, 1)
  return messageId
}

/** The same for a caller that makes many of one blob, and then refers to that as often. */
export const createUnreferringMessage = (unit: Unit, blobId: number, prefix: Buffer): number => {
  const messageId = takeSequence(unit, 'next-message')
  putNewLong(unit, messageKey(messageId), encodeMessageRow({ blobId, references: 1, prefix }))
  return messageId
}

export const referToMessage = (unit: Unit, messageId: number, count: number, live?: LiveBytes): void => {
  const key = messageKey(messageId)
  const row = unit.getOnce(key)
  if (row === undefined) return
  let unreferredBlob: number | undefined
  amendLong(unit, key, row, (value) => {
    const references = unsigned32(value, referencesAt) + count
    if (references > 0) write32(value, references, referencesAt)
    else unreferredBlob = read64(value, 0)
    return references > 0
  })
  if (unreferredBlob === undefined) return
  referToBlob(unit, unreferredBlob, -1, live)
  removeLong(unit, key, row)
  removeConversation(unit, messageId)
}
