import { type AccountId, StoreError } from '../contract.ts'
import type { Engine } from '../engine.ts'
import type { Unit } from '../kv/unit.ts'
import { openMailbox } from '../messages/place.ts'
import { readAcl, writeAcl } from '../rows/acl-row.ts'
import { copyAnnotations } from '../rows/annotation-row.ts'
import { findMailboxId } from '../rows/mailbox-row.ts'
import { writeUnfinished } from '../rows/unfinished-row.ts'
import { fillStep } from '../steps/move-in-steps.ts'
import { changeNames, renameTree } from '../steps/rename-in-steps.ts'
import { createInheriting } from './inherit.ts'
import { parentsOf, separator } from './names.ts'

/**
 * RFC 9051 §6.3.6: children go along; INBOX stays and gives away its messages. Subscriptions stay. Many messages, or
 * children, go step by step; what a crash leaves of them follows after the next opening.
 */
export const renameMailbox = async (
  engine: Engine,
  account: number,
  from: string,
  to: string,
): Promise<void> => {
  const left = await changeNames(engine, account, 'uses', (unit) => renameIn(engine, unit, account, from, to))
  if (left === 'names') await engine.unfinished.rename(account)
  else if (left !== undefined) await engine.unfinished.fill(left)
}

/** Gives back what is left: the mailbox that is still to get messages, or names below it. */
const renameIn = (
  engine: Engine,
  unit: Unit,
  account: number,
  from: string,
  to: string,
): number | 'names' | undefined => {
  const id = findMailboxId(unit, account, from)
  if (id === undefined)
    throw new StoreError('no-such-mailbox', `Cannot rename mailbox "${from}": it does not exist`)
  if (findMailboxId(unit, account, to) !== undefined) {
    throw new StoreError('mailbox-exists', `Cannot rename to "${to}": it exists`)
  }
  if (to.startsWith(from + separator) && from !== 'INBOX') {
    throw new StoreError('invalid-name', `Cannot rename "${from}" into itself`)
  }
  for (const parent of parentsOf(to)) {
    if (findMailboxId(unit, account, parent) === undefined) {
      createInheriting(unit, { account, name: parent, specialUse: [], selectable: true }, engine.now())
    }
  }
  unit.wake({ kind: 'mailboxes', account: account as AccountId })
  if (from === 'INBOX') {
    const target = createInheriting(
      unit,
      { account, name: to, specialUse: [], selectable: true },
      engine.now(),
    )
    // RFC 5464 §4.1: INBOX keeps its own; RFC 4314 §4: a renamed mailbox keeps its list.
    copyAnnotations(unit, id, target)
    writeAcl(unit, target, readAcl(unit, id))
    const { uidNext: belowUid } = openMailbox(unit, id).state
    writeUnfinished(unit, target, { kind: 'filling', owner: engine.self.token, from: id, belowUid })
    return fillStep(engine, unit, target) === 'more' ? target : undefined
  }
  return renameTree(engine, unit, { id, account, from, to }) === 'more' ? 'names' : undefined
}
