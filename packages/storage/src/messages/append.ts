import type { AppendItem, MailboxId, Placed } from '../contract.ts'
import { type Engine, snapshotOf } from '../engine.ts'
import type { Unit } from '../kv/unit.ts'
import { readAccount } from '../rows/account-row.ts'
import { createMessage } from '../rows/message-row.ts'
import { checkQuota, type Load } from '../rows/usage-row.ts'
import { bindFlags } from './keywords.ts'
import { addMessages, type NewPlacement, type OpenMailbox, openSelectable, placedOf } from './place.ts'
import { placeAll, type StagedWithFacts } from './placing.ts'

const noPrefix = Buffer.alloc(0)

export const loadOf = (items: readonly AppendItem[]): Load => ({
  sizeBytes: items.reduce((sum, item) => sum + item.message.sizeBytes, 0),
  messages: items.length,
})

/** One unit of work. RFC 3502: all or nothing. */
export const append = async (
  engine: Engine,
  mailboxId: MailboxId,
  items: readonly AppendItem[],
): Promise<readonly Placed[]> => {
  const mailbox = appendable(engine, mailboxId, items)
  const load = loadOf(items)
  return placeAll(engine, stagedItems(engine, mailbox, items), (unit, blobIds) => {
    const target = openSelectable(unit, mailboxId)
    checkQuota(unit, target.facts.account, load, engine)
    return appendIn(engine, unit, target, items, blobIds)
  })
}

/** Before anything is written. Throws 'no-such-mailbox', 'over-quota'. */
export const appendable = (
  engine: Engine,
  mailboxId: MailboxId,
  items: readonly AppendItem[],
): OpenMailbox => {
  const snapshot = snapshotOf(engine)
  const mailbox = openSelectable(snapshot, mailboxId)
  checkQuota(snapshot, mailbox.facts.account, loadOf(items), engine)
  return mailbox
}

/** What the frames tell about these messages, should the index be made anew. */
export const stagedItems = (
  engine: Engine,
  { facts }: OpenMailbox,
  items: readonly AppendItem[],
): readonly StagedWithFacts[] => {
  const account = readAccount(snapshotOf(engine), facts.account)?.address ?? ''
  return items.map(({ message, flags, internalDateMs }) => ({
    message,
    facts: { kind: 'append' as const, account, mailbox: facts.name, flags, internalDateMs },
  }))
}

/** The messages enter the mailbox; quota is the caller's. */
export const appendIn = (
  engine: Engine,
  unit: Unit,
  mailbox: OpenMailbox,
  items: readonly AppendItem[],
  blobIds: readonly number[],
): readonly Placed[] => {
  const added = newPlacements(engine, unit, mailbox, items, blobIds)
  return addMessages(unit, mailbox, added).map((placement) => placedOf(mailbox, placement))
}

/** Each with a message row of its own. */
export const newPlacements = (
  engine: Engine,
  unit: Unit,
  mailbox: Pick<OpenMailbox, 'id'>,
  items: readonly AppendItem[],
  blobIds: readonly number[],
): NewPlacement[] => {
  const saveDateMs = engine.now()
  return items.map((item, index): NewPlacement => {
    const blobId = blobIds[index] as number
    return {
      ...bindFlags(unit, mailbox.id, item.flags),
      messageId: createMessage(unit, blobId, noPrefix),
      blobId,
      sizeBytes: item.message.sizeBytes,
      internalDateMs: Math.trunc(item.internalDateMs),
      saveDateMs,
      missingOctets: item.message.missingOctets,
      uid: item.uid,
    }
  })
}
