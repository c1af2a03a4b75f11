import type { Mailbox, NamedMailbox } from '../contract.ts'
import { type Engine, snapshotOf } from '../engine.ts'
import type { Snapshot } from '../kv/unit.ts'
import { requireAccount } from '../rows/account-row.ts'
import { readNamedMailbox, readNamesVersion, withCounts } from '../rows/mailbox-row.ts'
import { workTurns } from '../work-turns.ts'
import type { KnownNames } from './known-names.ts'

type IsWanted = (name: string) => boolean

/** See MailboxStore.list. */
export const readMailboxes = async (
  engine: Engine,
  known: KnownNames,
  account: number,
  isWanted: IsWanted,
): Promise<readonly Mailbox[]> => {
  const found: Mailbox[] = []
  await eachName(engine, known, account, isWanted, (_, named, snapshot) => {
    const mailbox = named && withCounts(snapshot, named)
    if (mailbox !== undefined) found.push(mailbox)
  })
  return found
}

/** See MailboxStore.names. */
export const readNames = async (
  engine: Engine,
  known: KnownNames,
  account: number,
  isWanted: IsWanted,
): Promise<ReadonlyMap<string, NamedMailbox | undefined>> => {
  const found = new Map<string, NamedMailbox | undefined>()
  await eachName(engine, known, account, isWanted, (name, named) => {
    found.set(named?.name ?? name, named)
  })
  return found
}

/** Mailboxes that are not wanted are not read: undefined. */
const eachName = async (
  engine: Engine,
  known: KnownNames,
  account: number,
  isWanted: IsWanted,
  visit: (name: string, mailbox: NamedMailbox | undefined, snapshot: Snapshot) => void,
): Promise<void> => {
  let snapshot = snapshotOf(engine)
  requireAccount(snapshot, account)
  const { names, subscribed, version } = known.of(snapshot, account)
  let isCurrent = true
  for (const [index, each] of names.entries()) {
    if ((index & 7) === 7 && workTurns.isOver) {
      await workTurns.next()
      snapshot = snapshotOf(engine)
      isCurrent = isCurrent && readNamesVersion(snapshot, account) === version
    }
    if (!isWanted(each.name)) {
      visit(each.name, undefined, snapshot)
      continue
    }
    const mailbox =
      (isCurrent ? each.mailbox : undefined) ??
      readNamedMailbox(snapshot, each.id, (_, name) => subscribed.has(name))
    if (mailbox === undefined) continue
    // Of one moment with its counts, and with the names that are known.
    if (isCurrent) each.mailbox = mailbox
    visit(each.name, mailbox, snapshot)
  }
}
