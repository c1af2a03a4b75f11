import type { Reader } from '../kv/unit.ts'
import { workTurns } from '../work-turns.ts'
import { ColumnBuilder, type Columns, collectInto } from './collect.ts'

/** Octets of columns that one process keeps: of mailboxes that are searched or listed whole. */
const maxCachedBytes = 32 * 1024 * 1024
/** Nine columns of 4 or 8 octets. */
const rowBytes = 60
/** Larger mailboxes are read in batches. */
const maxRows = 500_000
/** Read without a pause. */
const part = { maxCount: 16_384, maxOctets: Number.POSITIVE_INFINITY }

interface Kept {
  readonly modSeq: number
  readonly uids: Uint32Array
  readonly columns: Promise<Columns>
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
  async of(
    read: () => Reader,
    mailbox: { id: number; modSeq: number },
    uids: Uint32Array,
  ): Promise<Columns | undefined> {
    if (uids.length > maxRows) return undefined
    const kept = this.#kept.get(mailbox.id)
    if (kept !== undefined) this.#drop(mailbox.id, kept)
    const current =
      kept?.modSeq === mailbox.modSeq && kept.uids === uids
        ? kept
        : { modSeq: mailbox.modSeq, uids, columns: readColumns(read, mailbox.id, uids) }
    this.#kept.set(mailbox.id, current)
    this.#octets += uids.length * rowBytes
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
    this.#octets -= uids.length * rowBytes
  }
}

const readColumns = async (read: () => Reader, mailbox: number, uids: Uint32Array): Promise<Columns> => {
  const builder = new ColumnBuilder(uids.length, 'facts')
  for (let next = 0; next < uids.length; ) {
    if (next > 0) await workTurns.next()
    next = collectInto(builder, read(), mailbox, uids, next, part)
  }
  return builder.finish()
}
