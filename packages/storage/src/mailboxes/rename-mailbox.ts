import { type AccountId, StoreError } from '../contract.ts'
import type { Engine } from '../engine.ts'
import { keyAfter } from '../kv/keys.ts'
import type { Unit } from '../kv/unit.ts'
import { openMailbox } from '../messages/place.ts'
import { readAcl, writeAcl } from '../rows/acl-row.ts'
import { copyAnnotations } from '../rows/annotation-row.ts'
import {
  findMailboxId,
  mailboxNameKey,
  putMailboxName,
  readMailboxFacts,
  writeMailboxFacts,
} from '../rows/mailbox-row.ts'
import { readNumberRow } from '../rows/seal.ts'
import { writeUnfinished } from '../rows/unfinished-row.ts'
import { fillStep } from '../steps/move-in-steps.ts'
import { createInheriting } from './inherit.ts'
import { normalizeName, parentsOf, separator } from './names.ts'

/**
 * RFC 9051 §6.3.6: children go along; INBOX stays and gives away its messages. Subscriptions stay. Many messages
 * move step by step; what a crash leaves of them follows after the next opening.
 */
export const renameMailbox = async (
  engine: Engine,
  account: number,
  from: string,
  to: string,
): Promise<void> => {
  const filling = await engine.commit.run((unit) => renameIn(engine, unit, account, from, to))
  if (filling !== undefined) await engine.unfinished.fill(filling)
}

/** Gives back the mailbox that is still to get messages. */
const renameIn = (
  engine: Engine,
  unit: Unit,
  account: number,
  from: string,
  to: string,
): number | undefined => {
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
  for (const child of childrenOf(unit, account, from)) {
    giveName(unit, child.id, account, child.name, to + child.name.slice(from.length))
  }
  giveName(unit, id, account, from, to)
  return undefined
}

const childrenOf = (unit: Unit, account: number, name: string): { id: number; name: string }[] => {
  const start = mailboxNameKey(account, name + separator)
  return Array.from(unit.range({ start, end: keyAfter(start) }), ({ key, value }) => ({
    id: readNumberRow(key, value),
    name: key.toString('utf8', 5),
  }))
}

const giveName = (unit: Unit, id: number, account: number, from: string, to: string): void => {
  const facts = readMailboxFacts(unit, id)
  if (facts === undefined) return
  const name = normalizeName(to)
  unit.remove(mailboxNameKey(account, from))
  putMailboxName(unit, id, { account, name })
  writeMailboxFacts(unit, id, { ...facts, name })
}
