import { keptFieldNames } from '@posthorn/mail'
import {
  type AppendItem,
  type FetchWant,
  type FlagChange,
  type MailboxId,
  type MessageStore,
  type ModSeq,
  type Placed,
  type SearchCriteria,
  type SearchFound,
  StoreError,
  systemFlag,
} from '../contract.ts'
import { type Engine, snapshotOf } from '../engine.ts'
import type { Unit } from '../kv/unit.ts'
import { readAccount } from '../rows/account-row.ts'
import { chunkRows, type Placement } from '../rows/chunk.ts'
import { readKeywords, readMailbox } from '../rows/mailbox-row.ts'
import { createMessage } from '../rows/message-row.ts'
import { checkQuota } from '../rows/usage-row.ts'
import { HeaderColumns, type SearchSource, searchMailbox } from '../search/index.ts'
import { append } from './append.ts'
import { changeFlagsIn } from './change-flags.ts'
import { fetchBatches, readMessage } from './fetch.ts'
import { bindFlags } from './keywords.ts'
import {
  addMessages,
  findPlacements,
  type NewPlacement,
  openMailbox,
  openSelectable,
  placedOf,
  removeMessages,
  uidsInChunk,
} from './place.ts'
import { placeAll } from './placing.ts'
import { replace } from './replace.ts'
import { copyIn, moveIn } from './transfer.ts'

/** Messages that one unit removes: keeps a turn of the event loop short. */
const removalSlice = 1_000
const noPrefix = Buffer.alloc(0)

export const createMessageStore = (engine: Engine, columns = new HeaderColumns()): MessageStore => ({
  stage: () => engine.stager.stage(),
  append: (mailbox, items) => append(engine, mailbox, items),
  async view(mailbox) {
    const snapshot = snapshotOf(engine)
    const found = readMailbox(snapshot, mailbox)
    if (!found) throw new StoreError('no-such-mailbox', `Cannot open mailbox ${mailbox}: it does not exist`)
    return engine.views.view(snapshot, found)
  },
  fetch: (mailbox, uids, want: FetchWant) => fetchBatches(engine, mailbox, uids, want),
  read: (mailbox, uid, start = 0, end = Number.MAX_SAFE_INTEGER) =>
    readMessage(engine, mailbox, uid, start, end),
  changeFlags: (mailbox, uids, change: FlagChange) =>
    engine.commit.run((unit) => changeFlagsIn(unit, mailbox, uids, change)),
  copy: (from, uids, to, within) =>
    engine.commit.run((unit) => copyIn(engine, unit, { from, uids, to, within })),
  move: (from, uids, to, within) =>
    engine.commit.run((unit) => moveIn(engine, unit, { from, uids, to, within })),
  replace: (from, uid, to, item) => replace(engine, from, uid, to, item),
  expunge: (mailbox, uids) => expunge(engine, mailbox, uids),
  discard: (mailbox, uids) => removeSliced(engine, mailbox, uids, () => true),
  async changesSince(mailbox, modSeq) {
    const snapshot = snapshotOf(engine)
    return engine.changes.since(snapshot, openMailbox(snapshot, mailbox), modSeq, engine.views)
  },
  search: (mailbox, criteria, signal) => search(engine, columns, mailbox, criteria, signal),
})

const expunge = (engine: Engine, mailbox: MailboxId, uids: Uint32Array | undefined) => {
  const snapshot = snapshotOf(engine)
  openMailbox(snapshot, mailbox)
  const marked: number[] = []
  for (const { chunk, bytes } of chunkRows(snapshot, mailbox)) {
    marked.push(...uidsInChunk(chunk, bytes, systemFlag.deleted))
  }
  const wanted = uids === undefined ? undefined : new Set(uids)
  const chosen = Uint32Array.from(wanted ? marked.filter((uid) => wanted.has(uid)) : marked)
  return removeSliced(engine, mailbox, chosen, (placement) => (placement.flags0 & systemFlag.deleted) !== 0)
}

/** Slices are units of their own; each message is checked again inside its unit. */
const removeSliced = async (
  engine: Engine,
  mailbox: MailboxId,
  uids: Uint32Array,
  mayRemove: (placement: Placement) => boolean,
): Promise<{ uids: Uint32Array; modSeq: ModSeq }> => {
  const removed: number[] = []
  let modSeq: number | undefined
  for (let from = 0; from < uids.length; from += removalSlice) {
    const slice = uids.subarray(from, from + removalSlice)
    const done = await engine.commit.runFreeing((unit) => removeSlice(unit, mailbox, slice, mayRemove))
    removed.push(...done.uids)
    modSeq = done.modSeq
  }
  modSeq ??= openMailbox(snapshotOf(engine), mailbox).state.highestModSeq
  return { uids: Uint32Array.from(removed), modSeq: modSeq as ModSeq }
}

const removeSlice = (
  unit: Unit,
  mailboxId: MailboxId,
  uids: Uint32Array,
  mayRemove: (placement: Placement) => boolean,
): { uids: number[]; modSeq: number } => {
  const mailbox = openMailbox(unit, mailboxId)
  const found = findPlacements(unit, mailboxId, uids).filter(mayRemove)
  removeMessages(unit, mailbox, found, 'drop')
  return { uids: found.map((each) => each.uid), modSeq: mailbox.state.highestModSeq }
}

/** The tree is evaluated over batches of this mailbox as it is now. */
const search = async (
  engine: Engine,
  columns: HeaderColumns,
  mailbox: MailboxId,
  criteria: SearchCriteria,
  signal: AbortSignal | undefined,
): Promise<SearchFound> => {
  const snapshot = snapshotOf(engine)
  const { id, state } = openMailbox(snapshot, mailbox)
  const uids = engine.views.uids(snapshot, { id, ...state })
  const source: SearchSource = {
    uids,
    keywords: readKeywords(snapshot, mailbox),
    fetch: (wanted, want) => fetchBatches(engine, mailbox, wanted, want),
    read: (uid, start, end) => readMessage(engine, mailbox, uid, start, end),
    columnOf: (name) => (keptFieldNames.has(name) ? columns.of(mailbox, name) : undefined),
  }
  try {
    return await searchMailbox(source, criteria, signal)
  } finally {
    columns.trim()
  }
}
