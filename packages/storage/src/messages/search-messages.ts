import { keptFieldNames } from '@posthorn/mail'
import type { MailboxId, SearchCriteria, SearchFound } from '../contract.ts'
import type { ConversationNamer } from '../conversations/conversation-namer.ts'
import { type Engine, snapshotOf } from '../engine.ts'
import type { ListingShelf } from '../listings/listing-shelf.ts'
import { readConversation } from '../rows/conversation-row.ts'
import { readKeywords } from '../rows/mailbox-row.ts'
import {
  HeaderColumns,
  type SearchSource,
  SharedReadings,
  type StoredBatch,
  type StoredTexts,
  searchMailbox,
} from '../search/index.ts'
import { answer } from '../texts/answer.ts'
import { keptMessageTexts } from '../texts/kept-message-texts.ts'
import type { TextNeedle } from '../texts/needle.ts'
import { answerFromTexts } from '../texts/stored-texts.ts'
import type { TextShelf } from '../texts/text-shelf.ts'
import { workTurns } from '../work-turns.ts'
import { type Columns, collect } from './collect.ts'
import { fetchBatches, readMessage } from './fetch.ts'
import { MailboxColumns } from './mailbox-columns.ts'
import { openMailbox } from './place.ts'

/** What searches know beside the messages themselves. */
export interface SearchAids {
  readonly columns: HeaderColumns
  readonly rows: MailboxColumns
  readonly readings: SharedReadings
  /** Without it every message is read. */
  readonly texts?: {
    readonly shelf: TextShelf
    /** Messages of this mailbox have no text yet. */
    missed(mailbox: number): void
    readonly listings: ListingShelf | undefined
  }
}

export const noAids = (): SearchAids => ({
  columns: new HeaderColumns(),
  rows: new MailboxColumns(),
  readings: new SharedReadings(),
})

/** What a search asks of conversations it asks of their names. */
export const nameForSearch = async (
  namer: ConversationNamer,
  mailbox: MailboxId,
  criteria: SearchCriteria,
): Promise<void> => {
  if (asksConversation(criteria)) await namer.nameAll(mailbox)
}

const asksConversation = (criteria: SearchCriteria): boolean => {
  if (criteria.kind === 'not') return asksConversation(criteria.of)
  if (criteria.kind === 'and' || criteria.kind === 'or') return criteria.of.some(asksConversation)
  return criteria.kind === 'conversation'
}

/** Messages answered with one look at the index. */
const batchCount = 16_384

/** The tree is evaluated over batches of this mailbox as it is now. */
export const searchMessages = async (
  engine: Engine,
  aids: SearchAids,
  mailbox: MailboxId,
  criteria: SearchCriteria,
  signal: AbortSignal | undefined,
): Promise<SearchFound> => {
  const snapshot = snapshotOf(engine)
  const { id, state, facts } = openMailbox(snapshot, mailbox)
  const uids = engine.views.uids(snapshot, { id, ...state })
  const { texts, columns } = aids
  // Whole mailboxes are searched over and over: what the first step needs is kept.
  const modSeq = state.highestModSeq
  const changedChunks = (since: number) => engine.changes.flagsBetween(id, since, modSeq)
  const whole = await aids.rows.of(() => snapshotOf(engine), { id, modSeq, changedChunks }, uids)
  const source: SearchSource = {
    uids,
    keywords: readKeywords(snapshot, mailbox),
    fetch: (wanted, want) =>
      whole !== undefined && wanted === uids && want.summary === undefined && want.bytes === undefined
        ? [whole.batch]
        : fetchBatches(engine, mailbox, wanted, want),
    read: (uid, start, end) => readMessage(engine, mailbox, uid, start, end),
    ...(texts && {
      stored: (wanted, needles) =>
        answers(
          wanted === uids && whole !== undefined ? [whole] : slices(engine, mailbox, wanted),
          texts,
          { mailbox, account: facts.account },
          needles,
          signal,
        ),
    }),
    reading: (kind) => aids.readings.of(mailbox, kind, source),
    conversationOf: (messageId) => readConversation(snapshot, messageId),
    columnOf: (name) => (keptFieldNames.has(name) ? columns.of(mailbox, name) : undefined),
  }
  try {
    return await searchMailbox(source, criteria, signal)
  } finally {
    columns.trim()
  }
}

function* slices(engine: Engine, mailbox: number, uids: Uint32Array): Generator<Columns> {
  for (let from = 0; from < uids.length; ) {
    const limits = { columns: 'facts', maxCount: batchCount, maxOctets: Number.POSITIVE_INFINITY } as const
    const { columns, next } = collect(snapshotOf(engine), mailbox, uids, from, limits)
    from = next
    yield columns
  }
}

async function* answers(
  batches: Iterable<Columns>,
  texts: NonNullable<SearchAids['texts']>,
  { mailbox, account }: { readonly mailbox: number; readonly account: number },
  needles: readonly TextNeedle[],
  signal: AbortSignal | undefined,
): AsyncGenerator<StoredBatch> {
  await texts.shelf.prepare(account)
  if (workTurns.isOver) await workTurns.between()
  for (const columns of batches) {
    const found: Uint8Array[] = []
    for (const needle of needles) {
      found.push(await answerFromTexts(texts.shelf, account, columns, needle, signal))
    }
    if (found[0]?.includes(answer.unknown)) texts.missed(mailbox)
    yield {
      batch: columns.batch,
      answers: found,
      texts: (rows) => textsOf(texts.shelf, account, columns, rows, signal),
    }
    if (workTurns.isOver) await workTurns.between()
  }
}

async function* textsOf(
  shelf: TextShelf,
  account: number,
  { messageIds, blobIds, sizes }: Columns,
  rows: readonly number[],
  signal: AbortSignal | undefined,
): AsyncGenerator<StoredTexts> {
  const pick = (column: Float64Array): Float64Array => Float64Array.from(rows, (row) => column[row] as number)
  const wanted = { messageIds: pick(messageIds), blobIds: pick(blobIds), sizes: pick(sizes) }
  for await (const { row, texts } of keptMessageTexts(shelf, account, wanted, signal))
    yield { row: rows[row] as number, texts }
}
