import { keyOf32, tables } from '../kv/keys.ts'
import type { Unit } from '../kv/unit.ts'
import { mailboxIds } from '../mailboxes/mailbox-ids.ts'
import { takeOutMailbox } from '../mailboxes/remove-mailbox.ts'
import { removeSomeIdentifiers } from '../rows/conversation-row.ts'
import { namesVersionKey } from '../rows/mailbox-row.ts'
import { removeRenaming } from '../rows/renaming-row.ts'
import { isRemovedAccount, unmarkRemovedAccount } from '../rows/unfinished-row.ts'

const stepMailboxes = 25
const stepIdentifiers = 500

/** One step of removing the mailboxes of an account that is gone. Returns those whose messages are left. */
export const removeAccountStep = (
  unit: Unit,
  account: number,
  stepMessages: number,
): { readonly state: 'more' | 'done'; readonly toClear: readonly number[] } => {
  if (!isRemovedAccount(unit, account)) return { state: 'done', toClear: [] }
  const ids = mailboxIds(unit, account, stepMailboxes)
  const toClear: number[] = []
  let room = stepMessages
  for (const id of ids) {
    const removed = takeOutMailbox(unit, id, room)
    if (removed === 'to-clear') toClear.push(id)
    else room -= removed
  }
  if (ids.length > 0 || removeSomeIdentifiers(unit, account, stepIdentifiers))
    return { state: 'more', toClear }
  unit.remove(keyOf32(tables.usage, account))
  unit.remove(namesVersionKey(account))
  removeRenaming(unit, account)
  unmarkRemovedAccount(unit, account)
  return { state: 'done', toClear }
}
