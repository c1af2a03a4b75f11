import {
  type FetchWant,
  type MailboxId,
  type MessageStore,
  type ModSeq,
  StoreError,
  systemFlag,
} from '../contract.ts'
import { type Engine, snapshotOf } from '../engine.ts'
import type { Unit } from '../kv/unit.ts'
import { chunkRows, type Placement } from '../rows/chunk.ts'
import { readMailbox } from '../rows/mailbox-row.ts'
import { copyInSteps } from '../steps/copy-in-steps.ts'
import { moveInSteps } from '../steps/move-in-steps.ts'
import { append } from './append.ts'
import { changeFlags } from './change-flags.ts'
import { fetchBatches, readMessage } from './fetch.ts'
import { fetchNow } from './fetch-now.ts'
import { listingBatches } from './listing-batches.ts'
import { findPlacements, givenUids, openMailbox, removeMessages, stateOf, uidsInChunk } from './place.ts'
import { quickReader } from './quick-reader.ts'
import { replace } from './replace.ts'
import { noAids, type SearchAids, searchMessages } from './search-messages.ts'

export const createMessageStore = (engine: Engine, aids: SearchAids = noAids()): MessageStore => ({
  stage: () => engine.stager.stage(),
  append: (mailbox, items) => append(engine, mailbox, items),
  async view(mailbox) {
    const snapshot = snapshotOf(engine)
    const found = readMailbox(snapshot, mailbox)
    if (!found) throw new StoreError('no-such-mailbox', `Cannot open mailbox ${mailbox}: it does not exist`)
    aids.texts?.listings?.prepare(found.account)
    return engine.views.view(snapshot, found)
  },
  fetch: (mailbox, uids, want: FetchWant) =>
    want.listing === undefined
      ? fetchBatches(engine, mailbox, uids, want)
      : listingBatches(engine, aids.texts, { mailbox, uids, columns: want.listing }),
  fetchNow: (mailbox, uid, want) => fetchNow(engine, mailbox, uid, want),
  read: (mailbox, uid, start = 0, end = Number.MAX_SAFE_INTEGER) =>
    readMessage(engine, mailbox, uid, start, end),
  quickReader: (mailbox, uids) => quickReader(engine, mailbox, uids),
  changeFlags: (mailbox, uids, change) => changeFlags(engine, mailbox, uids, change),
  copy: (from, uids, to, within) => copyInSteps(engine, { from, uids, to, within }),
  move: (from, uids, to, within) => moveInSteps(engine, { from, uids, to, within }),
  replace: (from, uid, to, item) => replace(engine, from, uid, to, item),
  expunge: (mailbox, uids) => expunge(engine, mailbox, uids),
  discard: (mailbox, uids) => removeSliced(engine, mailbox, uids, () => true),
  async changesSince(mailbox, modSeq) {
    const snapshot = snapshotOf(engine)
    return engine.changes.since(snapshot, stateOf(snapshot, mailbox), modSeq, engine.views)
  },
  search: (mailbox, criteria, signal) => searchMessages(engine, aids, mailbox, criteria, signal),
})

const expunge = (engine: Engine, mailbox: MailboxId, uids: Uint32Array | undefined) => {
  const snapshot = snapshotOf(engine)
  const { state } = openMailbox(snapshot, mailbox)
  const marked: number[] = []
  for (const { chunk, bytes } of chunkRows(snapshot, mailbox, 0, state.uidNext - 1)) {
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
  for (let from = 0; from < uids.length; from += engine.stepMessages) {
    const slice = uids.subarray(from, from + engine.stepMessages)
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
  const found = findPlacements(unit, mailboxId, givenUids(uids, mailbox.state)).filter(mayRemove)
  removeMessages(unit, mailbox, found, 'drop')
  return { uids: found.map((each) => each.uid), modSeq: mailbox.state.highestModSeq }
}
