import type { MailboxId } from '@posthorn/storage'
import { KeyTable } from './key-table.ts'

/** For all mailboxes together; what is used longest ago goes first. */
const maxBytes = 32 * 1024 * 1024
/** A table of few messages is some 2 KB more than its values, and quickly made again. */
const maxTables = 2_000
/** A table with more rows of gone messages than of others is made anew. */
const maxGoneShare = 0.5

/** The sort values that are kept between commands, of all mailboxes that were sorted or threaded lately. */
export class KeyTables {
  /** The one used last is last. */
  readonly #tables = new Map<MailboxId, KeyTable>()

  /** @param messageCount of the mailbox as its session knows it */
  of(mailbox: MailboxId, messageCount: number): KeyTable {
    let table = this.#tables.get(mailbox)
    if (table === undefined || table.rowCount * maxGoneShare > Math.max(messageCount, 100))
      table = new KeyTable(mailbox)
    this.#tables.delete(mailbox)
    this.#tables.set(mailbox, table)
    return table
  }

  /** After a table was filled. */
  trim(): void {
    let sum = 0
    for (const table of this.#tables.values()) sum += table.sizeBytes
    for (const [mailbox, table] of this.#tables) {
      if (sum <= maxBytes && this.#tables.size <= maxTables) return
      sum -= table.sizeBytes
      this.#tables.delete(mailbox)
    }
  }
}
