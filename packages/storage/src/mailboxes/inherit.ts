import type { Unit } from '../kv/unit.ts'
import { readAcl, writeAcl } from '../rows/acl-row.ts'
import { removeAnnotationsOfMailbox } from '../rows/annotation-row.ts'
import { createMailboxRows, findMailboxId, type MailboxFacts } from '../rows/mailbox-row.ts'
import { separator } from './names.ts'

/** A new mailbox, shared with those with whom its parent is (RFC 4314 §4 CREATE). */
export const createInheriting = (
  unit: Unit,
  facts: Pick<MailboxFacts, 'account' | 'name' | 'specialUse' | 'selectable'>,
  nowMs: number,
): number => {
  const id = createMailboxRows(unit, facts, nowMs)
  inheritAcl(unit, facts, id)
  return id
}

export const inheritAcl = (
  unit: Unit,
  { account, name }: Pick<MailboxFacts, 'account' | 'name'>,
  id: number,
): void => {
  const end = name.lastIndexOf(separator)
  const parent = end < 0 ? undefined : findMailboxId(unit, account, name.slice(0, end))
  const entries = parent === undefined ? [] : readAcl(unit, parent)
  if (entries.length > 0) writeAcl(unit, id, entries)
}

/** With the mailbox go its list and its annotations (RFC 4314 §4 DELETE, RFC 5464 §4.1). */
export const removeSharing = (unit: Unit, id: number): void => {
  writeAcl(unit, id, [])
  removeAnnotationsOfMailbox(unit, id)
}
