import { setImmediate } from 'node:timers/promises'
import { type MailboxId, StoreError } from '../contract.ts'
import { type Engine, snapshotOf } from '../engine.ts'
import { readMailboxFacts } from '../rows/mailbox-row.ts'
import { uniqueIdsFrom, writeUniqueId } from '../rows/unique-id-row.ts'

/** Rows read, or written, before others get their turn. */
const rowsInTurn = 2_000
const idPattern = /^[\x21-\x7e]{1,70}$/

/** See MailboxStore. */
export const keepUniqueIds = async (
  engine: Engine,
  mailbox: MailboxId,
  ids: ReadonlyMap<number, string>,
): Promise<void> => {
  const rows = [...ids]
  for (const [, id] of rows)
    if (!idPattern.test(id)) throw new StoreError('invalid-name', 'Cannot keep a unique-id of this form')
  for (let at = 0; at < rows.length; at += rowsInTurn)
    await engine.commit.run((unit) => {
      if (readMailboxFacts(unit, mailbox) === undefined)
        throw new StoreError('no-such-mailbox', `Cannot change mailbox ${mailbox}: it does not exist`)
      for (const [uid, id] of rows.slice(at, at + rowsInTurn)) writeUniqueId(unit, mailbox, uid, id)
    })
}

/** See MailboxStore. */
export const uniqueIds = async (engine: Engine, mailbox: MailboxId): Promise<ReadonlyMap<number, string>> => {
  const found = new Map<number, string>()
  for (let from = 0; ; ) {
    const rows = uniqueIdsFrom(snapshotOf(engine), mailbox, from, rowsInTurn)
    for (const [uid, id] of rows) found.set(uid, id)
    const last = rows.at(-1)
    if (rows.length < rowsInTurn || last === undefined) return found
    from = last[0] + 1
    await setImmediate()
  }
}
