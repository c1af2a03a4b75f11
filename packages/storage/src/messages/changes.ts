import { setImmediate as nextTurn } from 'node:timers/promises'
import type { MailboxChanges, ModSeq, Uid } from '../contract.ts'
import { unsigned48 } from '../kv/numbers.ts'
import type { Reader } from '../kv/unit.ts'
import { at, chunkHeadBytes, chunkModSeq, chunkOfUid, getChunk, placementBytes } from '../rows/chunk.ts'
import { expungedSince } from '../rows/expunged-row.ts'
import { readKeywords } from '../rows/mailbox-row.ts'
import { ColumnBuilder } from './collect.ts'
import type { OpenMailbox } from './place.ts'
import { RecentChanges } from './recent-changes.ts'
import type { ViewCache } from './views.ts'

const maxCachedAnswers = 256
/** An answer with more messages than this is not kept. */
const maxCachedCount = 2_000

/** "What changed since": computed once for all sessions that stand at the same MODSEQ. */
export class ChangeCache {
  readonly #answers = new Map<string, MailboxChanges>()
  readonly #recent = new RecentChanges()

  /** A change of flags, of this process, that has been committed. */
  note(mailbox: number, modSeq: number, chunks: readonly number[]): void {
    this.#recent.note(mailbox, modSeq, chunks)
  }

  /** See `RecentChanges.between`. */
  flagsBetween(mailbox: number, since: number, last: number): readonly number[] | undefined {
    return this.#recent.between(mailbox, since, last)
  }

  /** @param later gives a snapshot of another turn of the event loop */
  async since(
    reader: Reader,
    later: () => Reader,
    mailbox: Pick<OpenMailbox, 'id' | 'state'>,
    modSeq: number,
    views: ViewCache,
  ): Promise<MailboxChanges> {
    const key = `${mailbox.id}:${modSeq}:${mailbox.state.highestModSeq}`
    const known = this.#answers.get(key)
    if (known !== undefined) return known
    const chunks = this.#recent.between(mailbox.id, modSeq, mailbox.state.highestModSeq)
    const answer = await changesSince(reader, mailbox, modSeq, { views, chunks, later })
    if (answer.changed.uids.length + answer.vanished.length <= maxCachedCount) {
      this.#answers.set(key, answer)
      for (const oldest of this.#answers.keys()) {
        if (this.#answers.size <= maxCachedAnswers) break
        this.#answers.delete(oldest)
      }
    }
    return answer
  }
}

interface ChangeAids {
  readonly views: ViewCache
  /** All that changed, where that is known. */
  readonly chunks: readonly number[] | undefined
  readonly later: () => Reader
}

const changesSince = async (
  reader: Reader,
  { id, state }: Pick<OpenMailbox, 'id' | 'state'>,
  since: number,
  { views, chunks, later }: ChangeAids,
): Promise<MailboxChanges> => {
  const uids = views.uids(reader, { id, ...state })
  const isKnown = since >= state.historyFloor || state.historyFloor === 1
  const known = isKnown ? expungedSince(reader, id, since) : undefined
  const complete = known !== undefined
  const keywords = readKeywords(reader, id)
  const vanished = known ?? absentUids(uids, state.uidNext)
  const builder = new ColumnBuilder(since < state.highestModSeq ? firstRows : 0, 'flags', uids.length)
  if (since < state.highestModSeq) {
    const parts = chunks === undefined ? partsOf(uids, state.uidNext) : slicesOf(chunks)
    await addAllChanged(builder, parts, reader, later, { id, uidNext: state.uidNext, since })
  }
  return {
    modSeq: state.highestModSeq as ModSeq,
    uidNext: state.uidNext as Uid,
    keywords,
    changed: builder.finish().batch,
    vanished,
    complete,
    uids,
  }
}

/**
 * Of a large mailbox in parts; others are let in between. What changes meanwhile may be in the answer already, with
 * a MODSEQ beyond it, and is in the next one again.
 */
const addAllChanged = async (
  builder: ColumnBuilder,
  parts: Iterable<readonly number[]>,
  first: Reader,
  later: () => Reader,
  { id, uidNext, since }: Asked,
): Promise<void> => {
  let reader: Reader | undefined = first
  for (const chunks of parts) {
    if (reader === undefined) await nextTurn()
    reader ??= later()
    // One by one they cost half of what they do in a range.
    for (const row of theseRows(reader, id, chunks)) addChanged(builder, row, since, uidNext)
    reader = undefined
  }
}

/** All chunks of a mailbox. @param uids present at first: what came later is in the next answer */
function* partsOf(uids: Uint32Array, uidNext: number): Generator<readonly number[]> {
  let at = 0
  for (let from = 0; from < uidNext; from += turnUids) {
    const chunks: number[] = []
    for (; at < uids.length && (uids[at] as number) < from + turnUids; at++) {
      const chunk = chunkOfUid(uids[at] as number)
      if (chunk !== chunks.at(-1)) chunks.push(chunk)
    }
    if (chunks.length > 0) yield chunks
  }
}

function* slicesOf(chunks: readonly number[]): Generator<readonly number[]> {
  for (let from = 0; from < chunks.length; from += turnChunks) yield chunks.slice(from, from + turnChunks)
}

interface Asked {
  readonly id: number
  readonly uidNext: number
  readonly since: number
}

const firstRows = 8
/** Looked through in one turn of the event loop; whole chunks. */
const turnUids = 16_384
const turnChunks = turnUids / 32

interface ChunkRow {
  readonly chunk: number
  readonly bytes: Buffer
}

function* theseRows(reader: Reader, mailbox: number, chunks: readonly number[]): Generator<ChunkRow> {
  for (const chunk of chunks) {
    const bytes = getChunk(reader, mailbox, chunk)
    if (bytes !== undefined) yield { chunk, bytes }
  }
}

const addChanged = (
  builder: ColumnBuilder,
  { chunk, bytes }: ChunkRow,
  since: number,
  uidLimit: number,
): void => {
  if (chunkModSeq(bytes) <= since) return
  for (let base = chunkHeadBytes; base < bytes.length; base += placementBytes) {
    if (unsigned48(bytes, base + at.modSeq) <= since) continue
    const uid = chunk * 32 + (bytes[base + at.uidLow] as number)
    if (uid < uidLimit) builder.add(uid, bytes, base)
  }
}

/** Every UID below `uidNext` that is not present. */
const absentUids = (uids: Uint32Array, uidNext: number): Uint32Array => {
  const absent = new Uint32Array(Math.max(0, uidNext - 1 - uids.length))
  let count = 0
  let expected = 1
  for (const uid of uids) {
    while (expected < uid) absent[count++] = expected++
    expected = uid + 1
  }
  while (expected < uidNext && count < absent.length) absent[count++] = expected++
  return absent
}
