import type { Reader } from '../kv/unit.ts'
import { type Columns, collect } from './collect.ts'

/** Octets of columns that one process keeps: of mailboxes that are searched or listed whole. */
const maxCachedBytes = 32 * 1024 * 1024
/** Nine columns of 4 or 8 octets. */
const rowBytes = 60
/** Larger mailboxes are read in batches. */
const maxRows = 150_000
const everything = { columns: 'facts', maxCount: maxRows, maxOctets: Number.POSITIVE_INFINITY } as const

interface Kept {
  readonly modSeq: number
  readonly uids: Uint32Array
  readonly columns: Columns
}

/** Columns of whole mailboxes as of their last change, for all sessions; those used longest ago make room. */
export class MailboxColumns {
  readonly #kept = new Map<number, Kept>()
  #octets = 0

  /**
   * Of all messages, when `uids` are the mailbox's (see ViewCache) as of `modSeq`; undefined for a mailbox that is
   * too large. The columns are shared: never modify them.
   */
  of(reader: Reader, mailbox: { id: number; modSeq: number }, uids: Uint32Array): Columns | undefined {
    if (uids.length > maxRows) return undefined
    const kept = this.#kept.get(mailbox.id)
    if (kept !== undefined) {
      this.#kept.delete(mailbox.id)
      this.#octets -= kept.columns.sizes.length * rowBytes
    }
    const current =
      kept?.modSeq === mailbox.modSeq && kept.uids === uids
        ? kept
        : { modSeq: mailbox.modSeq, uids, columns: collect(reader, mailbox.id, uids, 0, everything).columns }
    this.#kept.set(mailbox.id, current)
    this.#octets += current.columns.sizes.length * rowBytes
    for (const [id, oldest] of this.#kept) {
      if (this.#octets <= maxCachedBytes || id === mailbox.id) break
      this.#kept.delete(id)
      this.#octets -= oldest.columns.sizes.length * rowBytes
    }
    return current.columns
  }
}
