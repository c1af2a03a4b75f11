import { type AccountId, type MailboxId, type ModSeq, StoreError } from '../contract.ts'
import type { Engine } from '../engine.ts'
import { keyAfter, tables } from '../kv/keys.ts'
import type { Unit } from '../kv/unit.ts'
import { openMailbox } from '../messages/place.ts'
import { createMailboxRows, findMailboxId, mailboxNameKey, removeMailboxRows } from '../rows/mailbox-row.ts'
import { writeUnfinished } from '../rows/unfinished-row.ts'
import { addUsage } from '../rows/usage-row.ts'
import { clearStep } from '../steps/clear-mailbox.ts'
import { changeNames } from '../steps/rename-in-steps.ts'
import { removeSharing } from './inherit.ts'
import { separator } from './names.ts'

/**
 * RFC 9051 §6.3.5: a name with children stays, without messages. INBOX cannot be removed. The mailbox is gone at
 * once; many messages of it are removed step by step.
 */
export const removeMailbox = async (engine: Engine, account: number, name: string): Promise<void> => {
  const { id, left } = await changeNames(engine, account, 'frees', (unit) =>
    removeIn(engine, unit, account, name),
  )
  if (left === 'to-clear') engine.unfinished.clear(id)
}

const removeIn = (engine: Engine, unit: Unit, account: number, name: string) => {
  const id = findMailboxId(unit, account, name)
  if (id === undefined)
    throw new StoreError('no-such-mailbox', `Cannot remove mailbox "${name}": it does not exist`)
  if (name === 'INBOX') throw new StoreError('invalid-name', 'Cannot remove mailbox "INBOX"')
  const { facts } = openMailbox(unit, id)
  const children = hasChildren(unit, account, name)
  if (!facts.selectable && children) {
    throw new StoreError('has-children', `Cannot remove mailbox "${name}": it has children`)
  }
  const left = takeOutMailbox(unit, id, engine.stepMessages)
  unit.wake({ kind: 'mailboxes', account: account as AccountId })
  if (children) createMailboxRows(unit, { account, name, specialUse: [], selectable: false }, engine.now())
  return { id, left }
}

/**
 * From here on nobody sees it. Its messages are removed, too, when there are at most `roomMessages`: says how many.
 * Otherwise they are left to `UnfinishedWork.clear`.
 */
export const takeOutMailbox = (unit: Unit, id: number, roomMessages: number): number | 'to-clear' => {
  const { facts, state } = openMailbox(unit, id)
  addUsage(unit, facts.account, -state.sizeBytes, -state.messages)
  removeSharing(unit, id)
  removeMailboxRows(unit, id)
  unit.wake({
    kind: 'mailbox',
    mailbox: id as MailboxId,
    account: facts.account as AccountId,
    modSeq: (state.highestModSeq + 1) as ModSeq,
  })
  writeUnfinished(unit, id, { kind: 'clearing', fromUid: 0 })
  if (state.messages > roomMessages || state.stagedFrom !== 0) return 'to-clear'
  // Chunks may be sparse, and the history long.
  for (let steps = 0; steps < 10; steps++)
    if (clearStep(unit, id, roomMessages) === 'done') return state.messages
  return 'to-clear'
}

export const hasChildren = (unit: Unit, account: number, name: string): boolean => {
  const start = mailboxNameKey(account, name + separator)
  for (const { key } of unit.range({ start, end: keyAfter(start), limit: 1 }))
    return key[0] === tables.mailboxByName
  return false
}
