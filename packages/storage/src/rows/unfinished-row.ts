import { keyOf32, keyOfTable, tables } from '../kv/keys.ts'
import type { Reader, Unit } from '../kv/unit.ts'
import { getJson, jsonRows, putJson, removeLong } from './long-value.ts'

/** Copies of messages that nobody sees yet, in chunks of their own above the mailbox's UIDs. */
export interface Staging {
  readonly kind: 'staging'
  /** Token of the process that copies. */
  readonly owner: number
  /** Of this copying: another one may follow in the same mailbox. */
  readonly id: number
  readonly nextUid: number
  /** That they all have. */
  readonly modSeq: number
  readonly messages: number
  readonly unseen: number
  readonly deleted: number
  readonly sizeBytes: number
}

/** Messages from this UID on go, with the mailbox's history when that is all. */
export interface Clearing {
  readonly kind: 'clearing'
  readonly fromUid: number
}

/** The messages of another mailbox below this UID move here: RENAME of INBOX. */
export interface Filling {
  readonly kind: 'filling'
  readonly owner: number
  readonly from: number
  readonly belowUid: number
}

/** Work on a mailbox that takes more than one unit. What a crash leaves of it is finished, or taken back. */
export type Unfinished = Staging | Clearing | Filling

const unfinishedKey = (mailbox: number): Buffer => keyOf32(tables.unfinished, mailbox)

export const readUnfinished = (reader: Reader, mailbox: number): Unfinished | undefined =>
  getJson(reader, unfinishedKey(mailbox)) as Unfinished | undefined

export const writeUnfinished = (unit: Unit, mailbox: number, work: Unfinished): void =>
  putJson(unit, unfinishedKey(mailbox), work)

export const removeUnfinished = (unit: Unit, mailbox: number): void =>
  removeLong(unit, unfinishedKey(mailbox))

export function* unfinishedRows(reader: Reader): Generator<{ mailbox: number; work: Unfinished }> {
  for (const { key, value } of jsonRows(reader, keyOfTable(tables.unfinished))) {
    yield { mailbox: key.readUInt32BE(1), work: value as Unfinished }
  }
}

/** Accounts that are gone, and whose mailboxes go one after the other. */
const removedAccountKey = (account: number): Buffer => keyOf32(tables.removedAccount, account)

export const isRemovedAccount = (reader: Reader, account: number): boolean =>
  reader.get(removedAccountKey(account)) !== undefined

export const markRemovedAccount = (unit: Unit, account: number): void =>
  unit.put(removedAccountKey(account), Buffer.from([1]))

export const unmarkRemovedAccount = (unit: Unit, account: number): void =>
  unit.remove(removedAccountKey(account))

export const removedAccounts = (reader: Reader): number[] => {
  const start = keyOfTable(tables.removedAccount)
  const range = { start, end: Buffer.from([tables.removedAccount + 1]) }
  return Array.from(reader.range(range), ({ key }) => key.readUInt32BE(1))
}
