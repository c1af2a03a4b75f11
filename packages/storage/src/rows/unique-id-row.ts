import { keyAfter, keyOf32, keyOf32x2, tables } from '../kv/keys.ts'
import type { Reader, Unit } from '../kv/unit.ts'

/** See MailboxStore.keepUniqueIds. */
export const writeUniqueId = (unit: Unit, mailbox: number, uid: number, id: string): void =>
  unit.put(keyOf32x2(tables.uniqueId, mailbox, uid), Buffer.from(id))

/** At most so many from a UID on, ascending. */
export const uniqueIdsFrom = (
  reader: Reader,
  mailbox: number,
  fromUid: number,
  limit: number,
): (readonly [uid: number, id: string])[] => {
  const start = keyOf32x2(tables.uniqueId, mailbox, fromUid)
  const end = keyAfter(keyOf32(tables.uniqueId, mailbox))
  return Array.from(
    reader.range({ start, end, limit }),
    ({ key, value }) => [key.readUInt32BE(5), value.toString()] as const,
  )
}

/** False when there were none. */
export const removeSomeUniqueIds = (unit: Unit, mailbox: number, limit: number): boolean => {
  const some = uniqueIdsFrom(unit, mailbox, 0, limit)
  for (const [uid] of some) unit.remove(keyOf32x2(tables.uniqueId, mailbox, uid))
  return some.length > 0
}

/** Mailboxes that have any. */
export function* mailboxesWithUniqueIds(reader: Reader): Generator<number> {
  const end = keyAfter(Buffer.from([tables.uniqueId]))
  for (let start = Buffer.from([tables.uniqueId]); ; ) {
    const [row] = [...reader.range({ start, end, limit: 1 })]
    if (row === undefined) return
    const mailbox = row.key.readUInt32BE(1)
    yield mailbox
    start = Buffer.from(keyAfter(keyOf32(tables.uniqueId, mailbox)))
  }
}
