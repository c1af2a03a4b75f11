import {
  type FlagChange,
  type FlagsChanged,
  type MessageBatch,
  type ModSeq,
  systemFlag,
} from '../contract.ts'
import type { Engine } from '../engine.ts'
import { unsigned32, unsigned48, write32, write48 } from '../kv/numbers.ts'
import type { Unit } from '../kv/unit.ts'
import {
  at,
  chunkHeadBytes,
  chunkKey,
  chunkOfUid,
  getChunk,
  getChunkOnce,
  placementBytes,
  sealChunk,
} from '../rows/chunk.ts'
import { readKeywords } from '../rows/mailbox-row.ts'
import { ColumnBuilder } from './collect.ts'
import { bindFlags, type FlagWords, knownFlagWords, systemMask } from './keywords.ts'
import { givenUids, type OpenMailbox, openSelectable, recount, saveMailbox } from './place.ts'

interface Changing {
  readonly mailbox: OpenMailbox
  readonly change: FlagChange
  readonly readChunk: typeof getChunkOnce
  readonly words: FlagWords
  /** Bits that may change. */
  readonly mask: FlagWords
  readonly modSeq: number
  readonly result: ColumnBuilder
  readonly formerModSeqs: Float64Array
  readonly modified: number[]
  /** Those that really change. */
  readonly chunks: number[]
}

/** Messages that one unit of work handles: some milliseconds. */
const sliceMessages = 2_048
/** Commands for so few messages come one after the other, to the same chunks. */
const oftenChanged = 256

/** Of many messages a part in each unit. RFC 9051 §6.4.6 asks for no more; RFC 7162 §3.1.3 neither. */
export const changeFlags = async (
  engine: Engine,
  mailbox: number,
  uids: Uint32Array,
  change: FlagChange,
  signal?: AbortSignal,
): Promise<FlagsChanged> => {
  const parts: FlagsChanged[] = []
  // IMAP's way to remove begins with it, on a full disk too.
  const isForRemoval = change.op === 'add' && (change.flags.system & systemFlag.deleted) !== 0
  let at = 0
  do {
    signal?.throwIfAborted()
    const slice = uids.subarray(at, at + sliceMessages)
    const work = (unit: Unit) => changeFlagsIn(engine, unit, mailbox, slice, change)
    at += sliceMessages
    if (at < uids.length) parts.push(await engine.commit.runPart(work, isForRemoval ? 'frees' : 'uses'))
    else parts.push(await (isForRemoval ? engine.commit.runFreeing(work) : engine.commit.run(work)))
  } while (at < uids.length)
  const last = parts.at(-1) as FlagsChanged
  if (parts.length === 1) return last
  return {
    changed: joinBatches(parts.map((part) => part.changed)),
    formerModSeqs: joinColumns(parts.map((part) => part.formerModSeqs)),
    modified: joinColumns(parts.map((part) => part.modified)),
    keywords: last.keywords,
    span: joinSpans(parts.map((part) => part.span)),
  }
}

const joinSpans = (spans: readonly FlagsChanged['span'][]): FlagsChanged['span'] => {
  const [first] = spans
  const last = spans.at(-1)
  const isUnbroken = spans.every((span, at) => at === 0 || span?.from === spans[at - 1]?.to)
  return first && last && isUnbroken ? { from: first.from, to: last.to } : undefined
}

const joinColumns = <T extends Uint32Array | Float64Array>(columns: readonly T[]): T => {
  const Column = (columns[0] as T).constructor as new (length: number) => T
  const joined = new Column(columns.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const column of columns) {
    joined.set(column, at)
    at += column.length
  }
  return joined
}

const joinBatches = (batches: readonly MessageBatch[]): MessageBatch => ({
  uids: joinColumns(batches.map(({ uids }) => uids)),
  flags0: joinColumns(batches.map(({ flags0 }) => flags0)),
  flags1: joinColumns(batches.map(({ flags1 }) => flags1)),
  modSeqs: joinColumns(batches.map(({ modSeqs }) => modSeqs)),
})

/** One new MODSEQ for all messages that really change; those already so keep theirs. RFC 7162 §3.1.3. */
const changeFlagsIn = (
  engine: Engine,
  unit: Unit,
  mailboxId: number,
  uids: Uint32Array,
  change: FlagChange,
): FlagsChanged => {
  const mailbox = openSelectable(unit, mailboxId)
  const from = mailbox.state.highestModSeq as ModSeq
  const words =
    change.op === 'remove' || change.within?.keywords === 'none'
      ? knownFlagWords(change.flags, readKeywords(unit, mailboxId))
      : bindFlags(unit, mailboxId, change.flags)
  const changing: Changing = {
    mailbox,
    change,
    readChunk: uids.length > oftenChanged ? getChunkOnce : getChunk,
    words,
    mask: maskOf(change),
    modSeq: mailbox.state.highestModSeq + 1,
    result: new ColumnBuilder(uids.length, 'flags'),
    formerModSeqs: new Float64Array(uids.length),
    modified: [],
    chunks: [],
  }
  const given = givenUids(uids, mailbox.state)
  for (let first = 0; first < given.length; ) {
    const chunk = chunkOfUid(given[first] as number)
    let next = first
    while (next < given.length && chunkOfUid(given[next] as number) === chunk) next++
    changeChunk(unit, changing, chunk, given.subarray(first, next))
    first = next
  }
  if (changing.chunks.length > 0) {
    mailbox.state.highestModSeq = changing.modSeq
    saveMailbox(unit, mailbox)
    unit.afterCommit(() => engine.changes.note(mailboxId, changing.modSeq, changing.chunks))
  }
  return {
    changed: changing.result.finish().batch,
    formerModSeqs: changing.formerModSeqs.subarray(0, changing.result.count),
    modified: Uint32Array.from(changing.modified),
    keywords: readKeywords(unit, mailboxId),
    span: { from, to: mailbox.state.highestModSeq as ModSeq },
  }
}

const changeChunk = (unit: Unit, changing: Changing, chunk: number, uids: Uint32Array): void => {
  const { id } = changing.mailbox
  const former = changing.readChunk(unit, id, chunk)
  if (former === undefined) return
  const bytes = Buffer.allocUnsafe(former.length)
  former.copy(bytes)
  let written = false
  let next = 0
  for (let base = chunkHeadBytes; base < bytes.length; base += placementBytes) {
    const uid = chunk * 32 + (bytes[base + at.uidLow] as number)
    while (next < uids.length && (uids[next] as number) < uid) next++
    if (uids[next] !== uid) continue
    const { unchangedSince } = changing.change
    const modSeq = unsigned48(bytes, base + at.modSeq)
    if (unchangedSince !== undefined && modSeq > unchangedSince) {
      changing.modified.push(uid)
      continue
    }
    changing.formerModSeqs[changing.result.count] = modSeq
    if (changePlacement(changing, bytes, base)) written = true
    changing.result.add(uid, bytes, base)
  }
  if (!written) return
  changing.chunks.push(chunk)
  bytes.writeUIntBE(changing.modSeq, 0, 6)
  unit.replace(chunkKey(id, chunk), sealChunk(id, chunk, bytes), former)
}

/** Returns whether anything changed. */
const changePlacement = (changing: Changing, bytes: Buffer, base: number): boolean => {
  const flags0 = unsigned32(bytes, base + at.flags0)
  const flags1 = unsigned32(bytes, base + at.flags1)
  const { words, mask, change } = changing
  const new0 = combine(change.op, flags0, words.flags0, mask.flags0)
  const new1 = combine(change.op, flags1, words.flags1, mask.flags1)
  if (new0 === flags0 && new1 === flags1) return false
  recount(changing.mailbox.state, flags0, new0)
  write32(bytes, new0, base + at.flags0)
  write32(bytes, new1, base + at.flags1)
  write48(bytes, changing.modSeq, base + at.modSeq)
  return true
}

const maskOf = ({ within }: FlagChange): FlagWords => {
  const keywords = within?.keywords === 'none' ? 0 : 0xffff_ffff
  return {
    flags0: (((within?.system ?? systemMask) & systemMask) | (keywords & ~systemMask)) >>> 0,
    flags1: keywords,
  }
}

const combine = (op: FlagChange['op'], before: number, words: number, mask: number): number => {
  if (op === 'add') return (before | (words & mask)) >>> 0
  if (op === 'remove') return (before & ~(words & mask)) >>> 0
  return ((before & ~mask) | (words & mask)) >>> 0
}
