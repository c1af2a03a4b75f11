import { type AccountId, StoreError } from '../contract.ts'
import { keyAfter, tables } from '../kv/keys.ts'
import type { Unit } from '../kv/unit.ts'
import { openMailbox, removeMessages } from '../messages/place.ts'
import { chunkKey, chunkRows, decodeChunk } from '../rows/chunk.ts'
import { removeExpunged } from '../rows/expunged-row.ts'
import {
  emptyMailboxState,
  findMailboxId,
  mailboxNameKey,
  removeMailboxRows,
  takeUidValidity,
  writeKeywords,
  writeMailboxFacts,
  writeMailboxState,
} from '../rows/mailbox-row.ts'
import { removeSharing } from './inherit.ts'
import { separator } from './names.ts'

/** RFC 9051 §6.3.5: a name with children stays, without messages. INBOX cannot be removed. */
export const removeMailbox = (unit: Unit, account: number, name: string, nowMs: number): void => {
  const id = findMailboxId(unit, account, name)
  if (id === undefined)
    throw new StoreError('no-such-mailbox', `Cannot remove mailbox "${name}": it does not exist`)
  if (name === 'INBOX') throw new StoreError('invalid-name', 'Cannot remove mailbox "INBOX"')
  const mailbox = openMailbox(unit, id)
  const children = hasChildren(unit, account, name)
  if (!mailbox.facts.selectable && children) {
    throw new StoreError('has-children', `Cannot remove mailbox "${name}": it has children`)
  }
  dropMessages(unit, id)
  removeSharing(unit, id)
  unit.wake({ kind: 'mailboxes', account: account as AccountId })
  if (!children) {
    removeMailboxRows(unit, id)
    return
  }
  writeMailboxFacts(unit, id, {
    ...mailbox.facts,
    specialUse: [],
    selectable: false,
    uidValidity: takeUidValidity(unit, nowMs),
  })
  writeMailboxState(unit, id, emptyMailboxState())
  writeKeywords(unit, id, [])
}

export const hasChildren = (unit: Unit, account: number, name: string): boolean => {
  const start = mailboxNameKey(account, name + separator)
  for (const { key } of unit.range({ start, end: keyAfter(start), limit: 1 }))
    return key[0] === tables.mailboxByName
  return false
}

/** All messages with their history; the mailbox's rows stay for the caller. */
export const dropMessages = (unit: Unit, id: number): void => {
  const mailbox = openMailbox(unit, id)
  const rows = [...chunkRows(unit, id)]
  const placements = rows.flatMap(({ chunk, bytes }) => decodeChunk(chunk, bytes))
  removeMessages(unit, mailbox, placements, 'drop')
  for (const { chunk } of rows) unit.remove(chunkKey(id, chunk))
  removeExpunged(unit, id)
}
