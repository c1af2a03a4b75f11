import type { Mailbox } from '../contract.ts'
import { type Engine, snapshotOf } from '../engine.ts'
import { keyAfter, keyOf32, tables } from '../kv/keys.ts'
import type { Reader } from '../kv/unit.ts'
import { readMailbox } from '../rows/mailbox-row.ts'
import { workTurns } from '../work-turns.ts'
import { compareNames } from './names.ts'

interface Named {
  readonly name: string
  readonly id: number
}

const namesOf = (reader: Reader, account: number): Named[] => {
  const prefix = keyOf32(tables.mailboxByName, account)
  return Array.from(reader.range({ start: prefix, end: keyAfter(prefix) }), ({ key, value }) => ({
    name: key.toString('utf8', prefix.length),
    id: value.readUInt32BE(0),
  })).sort((a, b) => compareNames(a.name, b.name))
}

export const subscribedNames = (reader: Reader, account: number): string[] => {
  const prefix = keyOf32(tables.subscription, account)
  return Array.from(reader.range({ start: prefix, end: keyAfter(prefix) }), ({ key }) =>
    key.toString('utf8', prefix.length),
  )
}

/** See MailboxStore.names. */
export const readMailboxes = async (
  engine: Engine,
  account: number,
  isWanted: (name: string) => boolean,
): Promise<ReadonlyMap<string, Mailbox | undefined>> => {
  let snapshot = snapshotOf(engine)
  const subscribed = new Set(subscribedNames(snapshot, account))
  const found = new Map<string, Mailbox | undefined>()
  for (const [index, { name, id }] of namesOf(snapshot, account).entries()) {
    if ((index & 7) === 7 && workTurns.isOver) {
      await workTurns.next()
      snapshot = snapshotOf(engine)
    }
    if (!isWanted(name)) {
      found.set(name, undefined)
      continue
    }
    const mailbox = readMailbox(snapshot, id, (each) => subscribed.has(each))
    if (mailbox !== undefined) found.set(mailbox.name, mailbox)
  }
  return found
}
