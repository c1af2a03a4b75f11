import { setImmediate as nextTurn } from 'node:timers/promises'
import { type FetchWant, type MailboxId, type MessageBatch, StoreError } from '../contract.ts'
import { type Engine, snapshotOf } from '../engine.ts'
import type { Snapshot } from '../kv/unit.ts'
import { type BlobRow, readBlobPlace, readBlobRow } from '../rows/blob-row.ts'
import { readMailboxState } from '../rows/mailbox-row.ts'
import { workTurns } from '../work-turns.ts'
import { batchTogether } from './batch-together.ts'
import type { WantedBlobs } from './blob-reader.ts'
import { type CollectLimits, type Columns, collect } from './collect.ts'
import { isReadableSummary } from './message-digest.ts'
import { mostOctets } from './most-octets.ts'
import { givenUids, stateOf } from './place.ts'
import { prefixOf } from './prefix.ts'
import { type Allocate, ReadMemory } from './read-memory.ts'

const noOctets = Buffer.alloc(0)
/** Small enough that the processor's cache still has what was read when it is sent. */
const reusedOctets = 1024 * 1024
const noLimit = Number.POSITIVE_INFINITY
/** Columns of so many messages are long work: many who ask at the same time take turns. */
const longCount = 4_096

const limitsOf = (want: FetchWant): CollectLimits => {
  if (want.bytes === 'all' && want.memoryIsFree) {
    return { columns: 'facts', maxCount: 1_000, maxOctets: want.batchBytes ?? reusedOctets }
  }
  if (want.bytes === 'all') return { columns: 'facts', maxCount: 1_000, maxOctets: 3 * 1024 * 1024 }
  if (want.bytes === 'header') return { columns: 'facts', maxCount: 128, maxOctets: noLimit }
  if (want.summary) return { columns: 'facts', maxCount: 256, maxOctets: noLimit }
  return { columns: want.facts ? 'facts' : 'flags', maxCount: 16_384, maxOctets: noLimit }
}

/**
 * Batches in the order of UIDs. Each is one look at the index; octets follow by few large reads. Messages that are
 * damaged do not hide the others: they are left out, and told of at the end.
 * @throws StoreError 'corrupt' after the last batch
 */
export async function* fetchBatches(
  engine: Engine,
  mailbox: MailboxId,
  wanted: Uint32Array,
  want: FetchWant,
): AsyncGenerator<MessageBatch> {
  const limits = limitsOf(want)
  const memory = want.memoryIsFree && new ReadMemory(want.memoryIsFree, want.batchBytes)
  let from = 0
  let given = 0
  let snapshot = snapshotOf(engine)
  let damage: StoreError | undefined
  const uids = givenUids(wanted, stateOf(snapshot, mailbox).state)
  const isLong = uids.length >= longCount && limits.maxCount >= longCount
  while (from < uids.length) {
    if (from > 0 || (isLong && workTurns.isOver)) {
      await (isLong ? workTurns.between() : nextTurn())
      snapshot = snapshotOf(engine)
    }
    const { columns, next } = collect(snapshot, mailbox, uids, from, limits)
    const run = uids.subarray(from, next)
    from = next
    if (columns.batch.uids.length === 0) continue
    if (!want.summary && !want.bytes) {
      yield columns.batch
      continue
    }
    const allocate = memory?.forBatch(given)
    const reading =
      want.together && allocate
        ? completeTogether(engine, snapshot, { mailbox, run, columns }, want, allocate)
        : complete(engine, snapshot, columns, want, allocate)
    const batch = await reading.catch(damageOnly)
    if (batch instanceof StoreError) damage = batch
    const batches = batch instanceof StoreError ? oneByOne(engine, mailbox, run, want) : [batch]
    for await (const each of batches) {
      if (each.uids.length === 0) continue
      given++
      yield each
    }
  }
  if (damage !== undefined) throw damage
}

const damageOnly = (error: unknown): StoreError => {
  if (error instanceof StoreError && error.kind === 'corrupt') return error
  throw error
}

/** What can be read of a run with a damaged message in it. */
async function* oneByOne(
  engine: Engine,
  mailbox: MailboxId,
  run: Uint32Array,
  want: FetchWant,
): AsyncGenerator<MessageBatch> {
  for (let at = 0; at < run.length; at++) {
    const snapshot = snapshotOf(engine)
    const { columns } = collect(snapshot, mailbox, run.subarray(at, at + 1), 0, limitsOf(want))
    if (columns.batch.uids.length === 0) continue
    const batch = await complete(engine, snapshot, columns, want, undefined).catch(damageOnly)
    if (!(batch instanceof StoreError) && batch.uids.length > 0) yield batch
  }
}

/** The same, their octets in one piece of memory if they lie so. */
const completeTogether = async (
  engine: Engine,
  snapshot: Snapshot,
  {
    mailbox,
    run,
    columns,
  }: { readonly mailbox: MailboxId; readonly run: Uint32Array; readonly columns: Columns },
  want: FetchWant,
  allocate: Allocate,
): Promise<MessageBatch> => {
  const batch = await batchTogether(engine, snapshot, columns, want.maxBytes ?? noLimit, allocate)
  if (batch !== undefined) return batch
  // Time has passed: they are looked for again.
  const now = snapshotOf(engine)
  return complete(engine, now, collect(now, mailbox, run, 0, limitsOf(want)).columns, want, allocate)
}

const complete = async (
  engine: Engine,
  snapshot: Snapshot,
  columns: Columns,
  want: FetchWant,
  allocate: Allocate | undefined,
): Promise<MessageBatch> => {
  // Everything from the index first, in this turn; then the reads.
  const { messageIds, sizes } = columns
  const blobIds = Array.from(columns.blobIds)
  const rows = blobIds.map((id) =>
    present(want.summary ? readBlobRow(snapshot, id) : readBlobPlace(snapshot, id), id),
  )
  const prefixes = rows.map((row, index) =>
    prefixOf(
      snapshot,
      {
        messageId: messageIds[index] as number,
        blobId: blobIds[index] as number,
        sizeBytes: sizes[index] as number,
      },
      row,
    ),
  )
  const inline = want.summary ? rows.map(readableSummary) : undefined
  const { upTo } = want
  const mostOf =
    upTo && ((index: number) => mostOctets(upTo, rows[index] as BlobRow, prefixes[index] as Buffer))
  const wanted = { blobIds, rows, prefixes, ...(mostOf && { mostOf }) }
  const bytes = want.bytes && (await readBodies(engine, wanted, columns, want, allocate))
  const summaries = inline && (await fillSummaries(engine, blobIds, inline))
  const noNul = bytes && Uint8Array.from(rows, (row) => (row.hasNoNul ? 1 : 0))
  return withoutGone(columns.batch, prefixes, summaries, bytes, noNul)
}

/** In the snapshot that has a message its octets have a row. */
const present = (row: BlobRow | undefined, blobId: number): BlobRow => {
  if (row !== undefined) return row
  throw new StoreError('corrupt', `Cannot read message: where its octets are (${blobId}) is not in the index`)
}

/** Octets with prefix; undefined for one that is gone. */
const readBodies = async (
  engine: Engine,
  wanted: WantedBlobs,
  { sizes }: Columns,
  want: FetchWant,
  allocate: Allocate | undefined,
): Promise<readonly (Buffer | undefined)[]> => {
  const { bytes = 'all', maxBytes = noLimit } = want
  if (maxBytes === noLimit || bytes === 'header') return engine.blobs.readMany(wanted, bytes, allocate)
  const isLarge = (index: number): boolean => (sizes[index] as number) > maxBytes
  const rows = wanted.rows.map((row, index) => (isLarge(index) ? undefined : row))
  const bodies = await engine.blobs.readMany({ ...wanted, rows }, bytes, allocate)
  return bodies.map((body, index) => body ?? (wanted.rows[index] && isLarge(index) ? noOctets : undefined))
}

const readableSummary = ({ summary }: BlobRow): Buffer | undefined =>
  summary !== undefined && isReadableSummary(summary) ? summary : undefined

const fillSummaries = async (
  engine: Engine,
  blobIds: readonly number[],
  inline: (Buffer | undefined)[],
): Promise<(Buffer | undefined)[]> => {
  for (let index = 0; index < inline.length; index++) {
    inline[index] ??= await engine.blobs.readSummary(blobIds[index] as number)
  }
  return inline
}

/** A message expunged, and dropped, while its octets were being read is left out. */
const withoutGone = (
  batch: MessageBatch,
  prefixes: readonly Buffer[],
  summaries: readonly (Buffer | undefined)[] | undefined,
  bytes: readonly (Buffer | undefined)[] | undefined,
  noNul: Uint8Array | undefined,
): MessageBatch => {
  const gone = new Set<number>()
  for (const column of [summaries, bytes]) {
    column?.forEach((each, index) => {
      if (each === undefined) gone.add(index)
    })
  }
  const keep = <T>(column: readonly T[]): readonly T[] =>
    gone.size === 0 ? column : column.filter((_, index) => !gone.has(index))
  const here = <T extends Uint8Array | Uint32Array | Float64Array>(column: T): T =>
    (gone.size === 0 ? column : column.filter((_: number, index: number) => !gone.has(index))) as T
  const { facts } = batch
  return {
    uids: here(batch.uids),
    flags0: here(batch.flags0),
    flags1: here(batch.flags1),
    modSeqs: here(batch.modSeqs),
    ...(facts && {
      facts: {
        messageIds: here(facts.messageIds),
        sizeBytes: here(facts.sizeBytes),
        internalDatesMs: here(facts.internalDatesMs),
        saveDatesMs: here(facts.saveDatesMs),
      },
    }),
    prefixes: keep(prefixes),
    ...(summaries && { summaries: keep(summaries as readonly Buffer[]) }),
    ...(bytes && { bytes: keep(bytes as readonly Buffer[]) }),
    ...(noNul && { noNul: here(noNul) }),
  }
}

/** Octets [start, end) of one message, prefix included. */
export const readMessage = async (
  engine: Engine,
  mailbox: MailboxId,
  uid: number,
  start: number,
  end: number,
  into?: Buffer,
): Promise<Uint8Array | undefined> => {
  const snapshot = snapshotOf(engine)
  const limits: CollectLimits = { columns: 'facts', maxCount: 1, maxOctets: noLimit }
  const state = readMailboxState(snapshot, mailbox)
  const given = state === undefined ? new Uint32Array(0) : givenUids(Uint32Array.of(uid), state)
  const { columns } = collect(snapshot, mailbox, given, 0, limits)
  const [messageId] = columns.messageIds
  if (messageId === undefined) return undefined
  const blobId = columns.blobIds[0] as number
  const row = present(readBlobPlace(snapshot, blobId), blobId)
  const whole = prefixOf(snapshot, { messageId, blobId, sizeBytes: columns.sizes[0] as number }, row)
  const prefix = whole.subarray(start, end)
  const before = whole.length
  if (end <= before) return prefix
  const body = await engine.blobs.readRange(blobId, Math.max(0, start - before), end - before, into)
  return body && (prefix.length === 0 ? body : Buffer.concat([prefix, body]))
}
