import type { MailboxId, Store } from '@posthorn/storage'
import { Turn } from '../session/turn.ts'
import { lowerBound } from '../wire/number-set.ts'
import { type ColumnGroup, groupOf, KeyColumns, rowBytes, type SortKey } from './key-columns.ts'
import { ranksOf } from './ranks.ts'

/** Rows between two looks at the clock. */
const rowsAtOnce = 64

/** Who wants to know, and what of the mailbox it sees. */
export interface KeyRequest {
  readonly store: Store
  /** Ascending. */
  readonly uids: Uint32Array
  readonly signal: AbortSignal
}

/** Sort values of one mailbox: computed once for each message, since a message never changes. */
export class KeyTable {
  readonly columns = new KeyColumns()
  readonly #mailbox: MailboxId
  /** By row, ascending. Grows at its end only. */
  #uids = new Uint32Array(0)
  readonly #filledRows = new Map<ColumnGroup, number>()
  readonly #ranks = new Map<SortKey, Uint32Array>()
  /** One at a time fills. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(mailbox: MailboxId) {
    this.#mailbox = mailbox
  }

  get rowCount(): number {
    return this.#uids.length
  }

  /** In memory, about. */
  get sizeBytes(): number {
    let sum = this.#uids.length * 4
    for (const [group, rows] of this.#filledRows) sum += rows * rowBytes[group]
    for (const ranks of this.#ranks.values()) sum += ranks.byteLength
    return sum
  }

  /** Ranks by row for these keys. */
  ranks(keys: readonly SortKey[], request: KeyRequest): Promise<ReadonlyMap<SortKey, Uint32Array>> {
    return this.#inTurn(async () => {
      await this.#fill(new Set(keys.map((key) => groupOf[key])), request)
      const turn = new Turn()
      for (const key of keys) {
        if (this.#ranks.get(key)?.length !== this.rowCount)
          this.#ranks.set(key, await ranksOf(this.columns.values[key], turn))
      }
      return new Map(keys.map((key) => [key, this.#ranks.get(key)!]))
    })
  }

  fill(groups: readonly ColumnGroup[], request: KeyRequest): Promise<void> {
    return this.#inTurn(() => this.#fill(new Set(groups), request))
  }

  /** Rows of these UIDs (ascending), in their order; one without a row is left out. */
  async rowsOf(uids: Uint32Array, turn: Turn): Promise<Uint32Array> {
    const rows = new Uint32Array(uids.length)
    let count = 0
    let row = uids.length === 0 ? 0 : lowerBound(this.#uids, uids[0]!)
    for (let at = 0; at < uids.length; at++) {
      const uid = uids[at]!
      while (this.#uids[row]! < uid) row++
      if (this.#uids[row] === uid) rows[count++] = row
      if (at % rowsAtOnce === 0) await turn.pass()
    }
    return count === rows.length ? rows : rows.slice(0, count)
  }

  /** By row. */
  get uids(): Uint32Array {
    return this.#uids
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(work)
    this.#last = mine.catch(() => undefined)
    return mine
  }

  async #fill(groups: ReadonlySet<ColumnGroup>, { store, uids, signal }: KeyRequest): Promise<void> {
    this.#extend(uids)
    const missing = [...groups].filter((group) => (this.#filledRows.get(group) ?? 0) < this.rowCount)
    // Groups filled up to different rows are read one after the other: new mail is soon read.
    const byStart = Map.groupBy(missing, (group) => this.#filledRows.get(group) ?? 0)
    for (const [start, together] of byStart) {
      await this.#fillFrom(start, new Set(together), store, signal)
      for (const group of together) this.#filledRows.set(group, this.rowCount)
    }
  }

  #extend(uids: Uint32Array): void {
    const known = this.#uids[this.#uids.length - 1] ?? 0
    const more = uids.subarray(lowerBound(uids, known + 1))
    if (more.length === 0) return
    const all = new Uint32Array(this.#uids.length + more.length)
    all.set(this.#uids)
    all.set(more, this.#uids.length)
    this.#uids = all
  }

  async #fillFrom(
    start: number,
    groups: ReadonlySet<ColumnGroup>,
    store: Store,
    signal: AbortSignal,
  ): Promise<void> {
    const uids = this.#uids.subarray(start)
    const summary = groups.size > 1 || !groups.has('facts')
    const turn = new Turn()
    await this.columns.reserve(this.rowCount, groups, turn)
    const unread: number[] = []
    let row = start
    for await (const batch of store.messages.fetch(
      this.#mailbox,
      uids,
      summary ? { facts: true, summary: true } : { facts: true },
    )) {
      signal.throwIfAborted()
      for (let at = 0; at < batch.uids.length; at++) {
        while (this.#uids[row]! < batch.uids[at]!) this.columns.fillEmpty(row++, groups)
        if (!this.columns.fill(row++, groups, batch, at)) unread.push(batch.uids[at]!)
        if (at % rowsAtOnce === 0) await turn.pass()
      }
    }
    while (row < this.#uids.length) this.columns.fillEmpty(row++, groups)
    if (unread.length > 0) await this.#readReferences(Uint32Array.from(unread), store, turn)
  }

  /** Of messages whose headers were too large for their summaries. */
  async #readReferences(uids: Uint32Array, store: Store, turn: Turn): Promise<void> {
    for await (const batch of store.messages.fetch(this.#mailbox, uids, { bytes: 'header' })) {
      const rows = await this.rowsOf(batch.uids, turn)
      for (let at = 0; at < rows.length; at++) {
        const header = Buffer.from(batch.bytes![at]!).toString('latin1')
        const inReplyTo = /(?:^|\n)in-reply-to[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)/i.exec(header)?.[1] ?? ''
        this.columns.setReferences(rows[at]!, header, inReplyTo)
      }
    }
  }
}
