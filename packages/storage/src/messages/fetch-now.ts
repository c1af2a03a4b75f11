import {
  type FetchWant,
  type ListingColumn,
  type MailboxId,
  type MessageBatch,
  StoreError,
} from '../contract.ts'
import { type Engine, snapshotOf } from '../engine.ts'
import type { Snapshot } from '../kv/unit.ts'
import type { ListingShelf } from '../listings/listing-shelf.ts'
import { ListingReader } from '../listings/read-listings.ts'
import { type BlobRow, readBlobPlace, readBlobRow } from '../rows/blob-row.ts'
import { readMailboxFacts, readMailboxState } from '../rows/mailbox-row.ts'
import { type Columns, collect } from './collect.ts'
import { isReadableSummary } from './message-digest.ts'
import { mostOctets } from './most-octets.ts'
import { prefixOf } from './prefix.ts'

/** Of a page of messages: for each answer V8 would ask the system for it, and give it back. */
const columnMemory = new ArrayBuffer(16 * 1024)

/** Few messages as a batch, without a promise: see the contract. */
export const fetchNow = (
  engine: Engine,
  mailbox: MailboxId,
  uids: Uint32Array,
  want: FetchWant,
  listings?: ListingShelf,
): MessageBatch | undefined => {
  try {
    return readFew(engine, listings, mailbox, uids, want)
  } catch (error) {
    // Who reads it the other way is told.
    if (error instanceof StoreError) return undefined
    throw error
  }
}

const readFew = (
  engine: Engine,
  listings: ListingShelf | undefined,
  mailbox: MailboxId,
  uids: Uint32Array,
  want: FetchWant,
): MessageBatch | undefined => {
  if (want.bytes === 'header' || want.conversation) return undefined
  const snapshot = snapshotOf(engine)
  const state = readMailboxState(snapshot, mailbox)
  const last = uids.at(-1)
  if (state === undefined || last === undefined || last >= state.uidNext) return undefined
  const facts = want.facts || want.bytes !== undefined || want.summary || want.listing !== undefined
  const limits = {
    columns: facts ? 'facts' : 'flags',
    maxCount: uids.length,
    maxOctets: Number.POSITIVE_INFINITY,
    memory: columnMemory,
  } as const
  const { columns } = collect(snapshot, mailbox, uids, 0, limits)
  const { batch } = columns
  if (batch.uids.length < uids.length) return undefined
  if (want.listing !== undefined) return withListing(snapshot, listings, columns, mailbox, want.listing)
  if (want.bytes === undefined && !want.summary) return batch
  const rows: BlobRow[] = []
  const prefixes: Buffer[] = []
  const summaries: Buffer[] = []
  for (let index = 0; index < uids.length; index++) {
    const row = blobOf(snapshot, columns, index, want)
    if (row === undefined) return undefined
    rows.push(row)
    prefixes.push(prefixAt(snapshot, columns, index, row))
    if (row.summary !== undefined) summaries.push(row.summary)
  }
  const known: MessageBatch = { ...batch, prefixes, ...(want.summary && { summaries }) }
  return want.bytes === undefined ? known : withOctets(engine, known, columns, rows, want)
}

/** Those that this process knows; the reader's memory is free for others at the end of this turn. */
const withListing = (
  snapshot: Snapshot,
  listings: ListingShelf | undefined,
  columns: Columns,
  mailbox: MailboxId,
  wanted: readonly ListingColumn[],
): MessageBatch | undefined => {
  if (wanted.length === 0) return { ...columns.batch, listing: [] }
  const account = readMailboxFacts(snapshot, mailbox)?.account
  const index = account === undefined ? undefined : listings?.now(account)
  if (index === undefined) return undefined
  const reader = new ListingReader(index, wanted)
  const { listing } = reader.readNow(columns)
  reader.close()
  return { ...columns.batch, listing }
}

const blobOf = (
  snapshot: Snapshot,
  { blobIds }: Columns,
  index: number,
  { summary }: FetchWant,
): BlobRow | undefined => {
  const blobId = blobIds[index] as number
  if (!summary) return readBlobPlace(snapshot, blobId)
  const row = readBlobRow(snapshot, blobId)
  return row?.summary && isReadableSummary(row.summary) ? row : undefined
}

const prefixAt = (
  snapshot: Snapshot,
  { blobIds, messageIds, sizes }: Columns,
  index: number,
  row: BlobRow,
): Buffer => {
  const [messageId, blobId, sizeBytes] = [messageIds[index], blobIds[index], sizes[index]] as number[]
  return prefixOf(snapshot, { messageId, blobId, sizeBytes } as Parameters<typeof prefixOf>[1], row)
}

/** Of one message. */
const withOctets = (
  engine: Engine,
  known: MessageBatch,
  { blobIds }: Columns,
  [row, ...others]: readonly BlobRow[],
  { maxBytes = Number.POSITIVE_INFINITY, upTo }: FetchWant,
): MessageBatch | undefined => {
  if (row === undefined || others.length > 0) return undefined
  const prefix = known.prefixes?.[0] as Buffer
  const bodyBytes = engine.blobs.octetsToRead(row, () => mostOctets(upTo, row, prefix))
  if (prefix.length + bodyBytes > maxBytes) return undefined
  const bytes = engine.blobs.readNow(blobIds[0] as number, row, prefix, bodyBytes)
  return bytes && { ...known, bytes: [bytes], noNul: Uint8Array.of(row.hasNoNul ? 1 : 0) }
}
