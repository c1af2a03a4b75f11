import { type FetchWant, type MailboxId, type MessageBatch, StoreError } from '../contract.ts'
import { type Engine, snapshotOf } from '../engine.ts'
import { readBlobPlace, readBlobRow } from '../rows/blob-row.ts'
import { readMailboxState } from '../rows/mailbox-row.ts'
import { type CollectLimits, collect } from './collect.ts'
import { prefixOf } from './prefix.ts'

const oneRow: CollectLimits = { columns: 'facts', maxCount: 1, maxOctets: Number.POSITIVE_INFINITY }

/** One message as a batch, without a promise: see the contract. */
export const fetchNow = (
  engine: Engine,
  mailbox: MailboxId,
  uid: number,
  want: FetchWant,
): MessageBatch | undefined => {
  try {
    return readOne(engine, mailbox, uid, want)
  } catch (error) {
    // Who reads it the other way is told.
    if (error instanceof StoreError) return undefined
    throw error
  }
}

const readOne = (
  engine: Engine,
  mailbox: MailboxId,
  uid: number,
  want: FetchWant,
): MessageBatch | undefined => {
  if (want.bytes === 'header' || want.listing !== undefined || want.conversation) return undefined
  const snapshot = snapshotOf(engine)
  const state = readMailboxState(snapshot, mailbox)
  if (state === undefined || uid >= state.uidNext) return undefined
  const { columns } = collect(snapshot, mailbox, Uint32Array.of(uid), 0, oneRow)
  const { batch } = columns
  const sizeBytes = columns.sizes[0]
  if (sizeBytes === undefined) return undefined
  if (want.bytes === undefined && !want.summary) return batch
  const blobId = columns.blobIds[0] as number
  const row = want.summary ? readBlobRow(snapshot, blobId) : readBlobPlace(snapshot, blobId)
  if (row === undefined || (want.summary && row.summary === undefined)) return undefined
  const prefix = prefixOf(snapshot, { messageId: columns.messageIds[0] as number, blobId, sizeBytes }, row)
  const summaries = row.summary && want.summary ? { summaries: [row.summary] } : {}
  if (want.bytes === undefined) return { ...batch, prefixes: [prefix], ...summaries }
  if (sizeBytes > (want.maxBytes ?? Number.POSITIVE_INFINITY)) return undefined
  const bytes = engine.blobs.readNow(blobId, row, prefix)
  if (bytes === undefined) return undefined
  const noNul = Uint8Array.of(row.hasNoNul ? 1 : 0)
  return { ...batch, prefixes: [prefix], bytes: [bytes], noNul, ...summaries }
}
