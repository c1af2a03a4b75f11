import {
  type FetchWant,
  type MailboxId,
  type MessageStore,
  type ModSeq,
  StoreError,
  systemFlag,
} from '../contract.ts'
import { ConversationNamer } from '../conversations/conversation-namer.ts'
import { type Engine, snapshotOf } from '../engine.ts'
import type { Reader, Unit } from '../kv/unit.ts'
import { chunkRows, type Placement } from '../rows/chunk.ts'
import { readKeywords, readMailbox, readMailboxState } from '../rows/mailbox-row.ts'
import { appendInSteps } from '../steps/append-in-steps.ts'
import { copyInSteps } from '../steps/copy-in-steps.ts'
import { moveInSteps } from '../steps/move-in-steps.ts'
import { workTurns } from '../work-turns.ts'
import { changeFlags } from './change-flags.ts'
import { fetchBatches, readMessage } from './fetch.ts'
import { fetchNow } from './fetch-now.ts'
import { listingBatches } from './listing-batches.ts'
import { findPlacements, givenUids, openMailbox, removeMessages, stateOf, uidsInChunk } from './place.ts'
import { quickReader } from './quick-reader.ts'
import { replace } from './replace.ts'
import { nameForSearch, noAids, type SearchAids, searchMessages } from './search-messages.ts'

export const createMessageStore = (engine: Engine, aids: SearchAids = noAids()): MessageStore => {
  const conversations = new ConversationNamer(engine)
  return {
    stage: () => engine.stager.stage(),
    append: (mailbox, items) => appendInSteps(engine, mailbox, items),
    async view(mailbox) {
      await prepareView(engine, mailbox)
      const snapshot = snapshotOf(engine)
      const found = readMailbox(snapshot, mailbox)
      if (!found) throw new StoreError('no-such-mailbox', `Cannot open mailbox ${mailbox}: it does not exist`)
      aids.texts?.listings?.prepare(found.account)
      return engine.views.view(snapshot, found, countedOf(snapshot, mailbox))
    },
    modSeqNow: (mailbox) =>
      unlessDamaged(() => readMailboxState(snapshotOf(engine), mailbox)?.highestModSeq as ModSeq | undefined),
    keywordsNow: (mailbox) => unlessDamaged(() => readKeywords(snapshotOf(engine), mailbox)),
    fetch: (mailbox, uids, want: FetchWant) => {
      if (want.conversation) return conversations.fetch(mailbox, uids, want)
      return want.listing === undefined
        ? fetchBatches(engine, mailbox, uids, want)
        : listingBatches(engine, aids.texts, { mailbox, uids, columns: want.listing })
    },
    fetchNow: (mailbox, uids, want) => fetchNow(engine, mailbox, uids, want, aids.texts?.listings),
    read: (mailbox, uid, start = 0, end = Number.MAX_SAFE_INTEGER, into?: Buffer) =>
      readMessage(engine, mailbox, uid, start, end, into),
    quickReader: (mailbox, uids) => quickReader(engine, mailbox, uids),
    changeFlags: (mailbox, uids, change, signal) => changeFlags(engine, mailbox, uids, change, signal),
    copy: (from, uids, to, within, signal) => copyInSteps(engine, { from, uids, to, within }, signal),
    move: (from, uids, to, within, signal) => moveInSteps(engine, { from, uids, to, within }, signal),
    replace: (from, uid, to, item) => replace(engine, from, uid, to, item),
    expunge: (mailbox, uids, signal) => expunge(engine, mailbox, uids, signal),
    discard: (mailbox, uids) => removeSliced(engine, mailbox, uids, () => true),
    async highestModSeq(mailbox) {
      return stateOf(snapshotOf(engine), mailbox).state.highestModSeq as ModSeq
    },
    async changesSince(mailbox, modSeq) {
      const snapshot = snapshotOf(engine)
      const later = () => snapshotOf(engine)
      return engine.changes.since(snapshot, later, stateOf(snapshot, mailbox), modSeq, engine.views)
    },
    async search(mailbox, criteria, signal) {
      await nameForSearch(conversations, mailbox, criteria)
      return searchMessages(engine, aids, mailbox, criteria, signal)
    },
  }
}

const countedOf = (reader: Reader, mailbox: MailboxId) => {
  const { id, state } = stateOf(reader, mailbox)
  return { id, ...state }
}

const unlessDamaged = <T>(read: () => T): T | undefined => {
  try {
    return read()
  } catch (error) {
    // Who reads the mailbox is told.
    if (error instanceof StoreError) return undefined
    throw error
  }
}

/** Of a large mailbox that nobody has looked at yet. */
const prepareView = async (engine: Engine, mailbox: MailboxId): Promise<void> => {
  const counted = countedOf(snapshotOf(engine), mailbox)
  if (engine.views.knows(counted)) return
  await engine.views.prepare(
    counted,
    () => snapshotOf(engine),
    () => workTurns.between(),
  )
}

/** The search for them is in parts, too; others are let in between. */
const expunge = async (
  engine: Engine,
  mailbox: MailboxId,
  uids: Uint32Array | undefined,
  signal: AbortSignal | undefined,
) => {
  const { state } = openMailbox(snapshotOf(engine), mailbox)
  const marked: number[] = []
  for (let from = 0; from < state.uidNext; from += searchedUids) {
    const last = Math.min(from + searchedUids, state.uidNext) - 1
    for (const { chunk, bytes } of chunkRows(snapshotOf(engine), mailbox, from, last))
      marked.push(...uidsInChunk(chunk, bytes, systemFlag.deleted))
    if (last < state.uidNext - 1) await workTurns.between()
  }
  const wanted = uids === undefined ? undefined : new Set(uids)
  const chosen = Uint32Array.from(wanted ? marked.filter((uid) => wanted.has(uid)) : marked)
  const isMarked = (placement: Placement): boolean => (placement.flags0 & systemFlag.deleted) !== 0
  return removeSliced(engine, mailbox, chosen, isMarked, signal)
}

/** Whole chunks. */
const searchedUids = 32_768

/** Slices are units of their own; each message is checked again inside its unit. */
const removeSliced = async (
  engine: Engine,
  mailbox: MailboxId,
  uids: Uint32Array,
  mayRemove: (placement: Placement) => boolean,
  signal?: AbortSignal,
): Promise<{ uids: Uint32Array; modSeq: ModSeq }> => {
  const removed: number[] = []
  let modSeq: number | undefined
  for (let from = 0; from < uids.length; from += engine.stepMessages) {
    if (signal?.aborted === true) {
      // The client is told of what went.
      await engine.commit.runFreeing(() => {})
      signal.throwIfAborted()
    }
    const slice = uids.subarray(from, from + engine.stepMessages)
    const work = (unit: Unit) => removeSlice(unit, mailbox, slice, mayRemove)
    const isLast = from + engine.stepMessages >= uids.length
    const done = await (isLast ? engine.commit.runFreeing(work) : engine.commit.runPart(work, 'frees'))
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
  const found = findPlacements(unit, mailboxId, givenUids(uids, mailbox.state)).filter(mayRemove)
  removeMessages(unit, mailbox, found, 'drop')
  return { uids: found.map((each) => each.uid), modSeq: mailbox.state.highestModSeq }
}
