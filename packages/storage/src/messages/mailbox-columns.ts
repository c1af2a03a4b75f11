import { unsigned32, unsigned48 } from '../kv/numbers.ts'
import type { Reader } from '../kv/unit.ts'
import { at, chunkHeadBytes, getChunk, placementBytes } from '../rows/chunk.ts'
import { workTurns } from '../work-turns.ts'
import { ColumnBuilder, type Columns, collectInto } from './collect.ts'
import { lowerBound } from './lower-bound.ts'

/** Octets of columns that one process keeps: of mailboxes that are searched or listed whole. */
const maxCachedBytes = 32 * 1024 * 1024
/** Nine columns of 4 or 8 octets. */
const rowBytes = 60
/** What the columns of a mailbox cost beside their rows: that of an empty one, too. */
const entryBytes = 2_400
/** Larger mailboxes are read in batches. */
const maxRows = 500_000
/** Read without a pause. */
const part = { maxCount: 16_384, maxOctets: Number.POSITIVE_INFINITY }

interface Kept {
  readonly modSeq: number
  readonly uids: Uint32Array
  readonly columns: Promise<Columns>
}

interface Asked {
  readonly id: number
  readonly modSeq: number
  /** Where flags changed after `since`; undefined when that is not known, or something else did. */
  changedChunks(since: number): readonly number[] | undefined
}

/** Columns of whole mailboxes as of their last change, for all sessions; those used longest ago make room. */
export class MailboxColumns {
  readonly #kept = new Map<number, Kept>()
  #octets = 0

  /**
   * Of all messages, when `uids` are the mailbox's (see ViewCache) as of `modSeq`, or as they are now; undefined for a
   * mailbox that is too large. The columns are shared: never modify them.
   * @param read gives a reader of now for each part
   */
  async of(read: () => Reader, mailbox: Asked, uids: Uint32Array): Promise<Columns | undefined> {
    if (uids.length > maxRows) return undefined
    const kept = this.#kept.get(mailbox.id)
    if (kept !== undefined) this.#drop(mailbox.id, kept)
    const current =
      kept?.modSeq === mailbox.modSeq && kept.uids === uids
        ? kept
        : {
            modSeq: mailbox.modSeq,
            uids,
            columns:
              (kept?.uids === uids && followFlags(read, mailbox, kept)) ||
              readColumns(read, mailbox.id, uids),
          }
    this.#kept.set(mailbox.id, current)
    this.#octets += sizeOf(uids)
    for (const [id, oldest] of this.#kept) {
      if (this.#octets <= maxCachedBytes || id === mailbox.id) break
      this.#drop(id, oldest)
    }
    try {
      return await current.columns
    } catch (error) {
      if (this.#kept.get(mailbox.id) === current) this.#drop(mailbox.id, current)
      throw error
    }
  }

  #drop(id: number, { uids }: Kept): void {
    this.#kept.delete(id)
    this.#octets -= sizeOf(uids)
  }
}

const sizeOf = (uids: Uint32Array): number => uids.length * rowBytes + entryBytes

const readColumns = async (read: () => Reader, mailbox: number, uids: Uint32Array): Promise<Columns> => {
  const builder = new ColumnBuilder(uids.length, 'facts')
  for (let next = 0; next < uids.length; ) {
    if (next > 0) await workTurns.next()
    next = collectInto(builder, read(), mailbox, uids, next, part)
  }
  return builder.finish()
}

/**
 * The same messages with the flags of now: of what was kept all else is used again. Clients change a flag, and search; new
 * columns for each search would be most of what the process has to clear away.
 */
const followFlags = (
  read: () => Reader,
  { id, changedChunks }: Asked,
  { modSeq, columns }: Kept,
): Promise<Columns> | undefined => {
  const chunks = changedChunks(modSeq)
  return chunks && columns.then((former) => withFlags(former, read(), id, chunks))
}

const withFlags = (former: Columns, reader: Reader, mailbox: number, chunks: readonly number[]): Columns => {
  const { uids } = former.batch
  const flags0 = former.batch.flags0.slice()
  const flags1 = former.batch.flags1.slice()
  const modSeqs = former.batch.modSeqs.slice()
  for (const chunk of chunks) {
    const bytes = getChunk(reader, mailbox, chunk)
    if (bytes === undefined) continue
    let row = lowerBound(uids, chunk * 32)
    for (let base = chunkHeadBytes; base < bytes.length; base += placementBytes) {
      const uid = chunk * 32 + (bytes[base + at.uidLow] as number)
      while ((uids[row] as number) < uid) row++
      if (uids[row] !== uid) continue
      flags0[row] = unsigned32(bytes, base + at.flags0)
      flags1[row] = unsigned32(bytes, base + at.flags1)
      modSeqs[row] = unsigned48(bytes, base + at.modSeq)
    }
  }
  return { ...former, batch: { ...former.batch, flags0, flags1, modSeqs } }
}
