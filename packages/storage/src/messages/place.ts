import {
  type AccountId,
  type MailboxId,
  type MessageId,
  type ModSeq,
  type Placed,
  StoreError,
  systemFlag,
  type Uid,
} from '../contract.ts'
import type { Reader, Unit } from '../kv/unit.ts'
import {
  addPlacements,
  at,
  chunkCount,
  chunkHeadBytes,
  chunkOfUid,
  decodeChunk,
  getChunk,
  type Placement,
  placementBytes,
  writeChunk,
} from '../rows/chunk.ts'
import { pruneExpunged, writeExpunged } from '../rows/expunged-row.ts'
import {
  type MailboxFacts,
  type MailboxState,
  readMailboxFacts,
  readMailboxState,
  writeMailboxState,
} from '../rows/mailbox-row.ts'
import { referToMessage } from '../rows/message-row.ts'
import { addUsage } from '../rows/usage-row.ts'
import { LiveBytes } from '../segments/segment-row.ts'

/** History is looked at once in so many changes of a mailbox. */
const pruneEvery = 1_000
/** RFC 9051 §2.3.1.1: UIDs are 32-bit. */
export const maxUid = 0xffff_ffff

export interface OpenMailbox {
  readonly id: MailboxId
  readonly facts: MailboxFacts
  readonly state: MailboxState
}

/** Throws 'no-such-mailbox'. */
export const openMailbox = (reader: Reader, id: number): OpenMailbox => {
  const facts = readMailboxFacts(reader, id)
  const state = readMailboxState(reader, id)
  if (facts === undefined || state === undefined) {
    throw new StoreError('no-such-mailbox', `Cannot open mailbox ${id}: it does not exist`)
  }
  return { id: id as MailboxId, facts, state }
}

/** What changes of a mailbox. Throws 'no-such-mailbox'. */
export const stateOf = (reader: Reader, id: number): Pick<OpenMailbox, 'id' | 'state'> => {
  const state = readMailboxState(reader, id)
  if (state !== undefined) return { id: id as MailboxId, state }
  throw new StoreError('no-such-mailbox', `Cannot open mailbox ${id}: it does not exist`)
}

/** As `openMailbox`, for a mailbox that is to hold messages. */
export const openSelectable = (reader: Reader, id: number): OpenMailbox => {
  const mailbox = openMailbox(reader, id)
  if (mailbox.facts.selectable) return mailbox
  throw new StoreError('no-such-mailbox', `Cannot open mailbox "${mailbox.facts.name}": it holds no messages`)
}

export type NewPlacement = Omit<Placement, 'uid' | 'modSeq'> & {
  /** Wished for; given when it is not below the next. */
  readonly uid?: number | undefined
}

/** Gives UIDs in order and counts; the message rows already carry the reference. */
export const addMessages = (
  unit: Unit,
  mailbox: OpenMailbox,
  added: readonly NewPlacement[],
): readonly Placement[] => {
  if (added.length === 0) return []
  const { id, facts, state } = mailbox
  const modSeq = ++state.highestModSeq
  const limit = state.stagedFrom || maxUid
  const placements = added.map((each) => {
    const wished = each.uid !== undefined && (limit === maxUid || each.uid < limit) ? each.uid : 0
    const uid = Math.max(wished, state.uidNext)
    if (uid >= limit) throw noUidsLeft(facts.name, limit)
    state.uidNext = uid + 1
    return { ...each, uid, modSeq }
  })
  let octets = 0
  for (const each of placements) {
    octets += each.sizeBytes
    count(state, each.flags0, 1)
  }
  state.messages += placements.length
  state.sizeBytes += octets
  addPlacements(unit, id, placements)
  addUsage(unit, facts.account, octets, placements.length)
  saveMailbox(unit, mailbox)
  return placements
}

const noUidsLeft = (name: string, limit: number): StoreError =>
  limit === maxUid
    ? new StoreError('limit', `Cannot add to mailbox "${name}": no UIDs are left`)
    : new StoreError('in-use', `Cannot add to mailbox "${name}": too much is being copied into it`)

export const count = (state: Pick<MailboxState, 'unseen' | 'deleted'>, flags0: number, by: number): void => {
  if ((flags0 & systemFlag.seen) === 0) state.unseen += by
  if ((flags0 & systemFlag.deleted) !== 0) state.deleted += by
}

/** Counts a change of flags. */
export const recount = (state: MailboxState, before: number, after: number): void => {
  count(state, before, -1)
  count(state, after, 1)
}

export const saveMailbox = (unit: Unit, { id, facts, state }: OpenMailbox): void => {
  writeMailboxState(unit, id, state)
  unit.wake({
    kind: 'mailbox',
    mailbox: id,
    account: facts.account as AccountId,
    modSeq: state.highestModSeq as ModSeq,
  })
}

/** Without UIDs that nobody was given yet: copies may be staged there. `uids` ascending. */
export const givenUids = (uids: Uint32Array, { uidNext }: Pick<MailboxState, 'uidNext'>): Uint32Array => {
  let end = uids.length
  while (end > 0 && (uids[end - 1] as number) >= uidNext) end--
  return end === uids.length ? uids : uids.subarray(0, end)
}

/** The present placements among ascending `uids`, which the mailbox has given. */
export const findPlacements = (reader: Reader, mailbox: number, uids: Uint32Array): Placement[] => {
  const found: Placement[] = []
  let from = 0
  while (from < uids.length) {
    const chunk = chunkOfUid(uids[from] as number)
    let to = from
    while (to < uids.length && chunkOfUid(uids[to] as number) === chunk) to++
    const bytes = getChunk(reader, mailbox, chunk)
    for (const placement of bytes ? decodeChunk(chunk, bytes) : []) {
      while (from < to && (uids[from] as number) < placement.uid) from++
      if (from < to && uids[from] === placement.uid) found.push(placement)
    }
    from = to
  }
  return found
}

/** UIDs of the present messages with a system flag, ascending. */
export const uidsInChunk = (chunk: number, bytes: Buffer, mask: number): number[] => {
  const uids: number[] = []
  const total = chunkCount(bytes)
  for (let index = 0; index < total; index++) {
    const base = chunkHeadBytes + index * placementBytes
    if ((bytes.readUInt32BE(base + at.flags0) & mask) === mask) {
      uids.push(chunk * 32 + (bytes[base + at.uidLow] as number))
    }
  }
  return uids
}

/**
 * Takes placements out of a mailbox and remembers their UIDs. 'drop' gives back the messages' references;
 * 'keep' leaves them to whoever takes the messages over (MOVE).
 */
export const removeMessages = (
  unit: Unit,
  mailbox: OpenMailbox,
  removed: readonly Placement[],
  messages: 'drop' | 'keep',
): void => {
  if (removed.length === 0) return
  const { id, facts, state } = mailbox
  const modSeq = ++state.highestModSeq
  const live = new LiveBytes()
  let octets = 0
  let from = 0
  while (from < removed.length) {
    const chunk = chunkOfUid((removed[from] as Placement).uid)
    const gone = new Set<number>()
    while (from < removed.length && chunkOfUid((removed[from] as Placement).uid) === chunk) {
      const placement = removed[from++] as Placement
      gone.add(placement.uid)
      octets += placement.sizeBytes
      count(state, placement.flags0, -1)
      if (messages === 'drop') referToMessage(unit, placement.messageId, -1, live)
    }
    const bytes = getChunk(unit, id, chunk)
    if (bytes !== undefined) {
      writeChunk(
        unit,
        id,
        chunk,
        decodeChunk(chunk, bytes).filter((each) => !gone.has(each.uid)),
      )
    }
  }
  live.write(unit)
  state.messages -= removed.length
  state.sizeBytes -= octets
  writeExpunged(
    unit,
    id,
    modSeq,
    Uint32Array.from(removed, (each) => each.uid),
  )
  if (modSeq % pruneEvery === 0) pruneExpunged(unit, id, state)
  addUsage(unit, facts.account, -octets, -removed.length)
  saveMailbox(unit, mailbox)
}

export const placedOf = (mailbox: OpenMailbox, placement: Placement): Placed => ({
  mailbox: mailbox.id,
  uidValidity: mailbox.facts.uidValidity,
  uid: placement.uid as Uid,
  modSeq: placement.modSeq as ModSeq,
  messageId: placement.messageId as MessageId,
})
