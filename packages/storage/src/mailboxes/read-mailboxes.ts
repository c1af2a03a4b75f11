import type { AccountId, Mailbox, MailboxId, NamedMailbox } from '../contract.ts'
import { type Engine, snapshotOf } from '../engine.ts'
import type { Snapshot } from '../kv/unit.ts'
import { readMailbox, readMailboxFacts } from '../rows/mailbox-row.ts'
import { workTurns } from '../work-turns.ts'
import type { KnownName, KnownNames } from './known-names.ts'

/** See MailboxStore.list. */
export const readMailboxes = async (
  engine: Engine,
  known: KnownNames,
  account: number,
  isWanted: (name: string) => boolean,
): Promise<readonly Mailbox[]> => {
  let snapshot = snapshotOf(engine)
  const { names, subscribed } = known.of(snapshot, account)
  const found: Mailbox[] = []
  for (const [index, { name, id }] of names.entries()) {
    if (isTurnOver(index)) {
      await workTurns.next()
      snapshot = snapshotOf(engine)
    }
    if (!isWanted(name)) continue
    const mailbox = readMailbox(snapshot, id, (each) => subscribed.has(each))
    if (mailbox !== undefined) found.push(mailbox)
  }
  return found
}

/** See MailboxStore.names. */
export const readNames = async (
  engine: Engine,
  known: KnownNames,
  account: number,
  isWanted: (name: string) => boolean,
): Promise<ReadonlyMap<string, NamedMailbox | undefined>> => {
  const first = snapshotOf(engine)
  let snapshot = first
  const { names, subscribed } = known.of(snapshot, account)
  const found = new Map<string, NamedMailbox | undefined>()
  for (const [index, each] of names.entries()) {
    if (isTurnOver(index)) {
      await workTurns.next()
      snapshot = snapshotOf(engine)
    }
    if (!isWanted(each.name)) {
      found.set(each.name, undefined)
      continue
    }
    const mailbox = each.mailbox ?? readNamed(snapshot, each, subscribed)
    if (mailbox === undefined) continue
    // What a later moment says need not belong to these names.
    if (snapshot === first) each.mailbox = mailbox
    found.set(mailbox.name, mailbox)
  }
  return found
}

const isTurnOver = (index: number): boolean => (index & 7) === 7 && workTurns.isOver

const readNamed = (
  snapshot: Snapshot,
  { id }: KnownName,
  subscribed: ReadonlySet<string>,
): NamedMailbox | undefined => {
  const facts = readMailboxFacts(snapshot, id)
  if (facts === undefined) return undefined
  const { name, uidValidity, specialUse, selectable, objectId } = facts
  return {
    id: id as MailboxId,
    account: facts.account as AccountId,
    name,
    uidValidity,
    specialUse,
    subscribed: subscribed.has(name),
    selectable,
    objectId,
  }
}
