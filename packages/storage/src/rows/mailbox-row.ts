import { randomBytes } from 'node:crypto'
import type { AccountId, Mailbox, MailboxId, ModSeq, NamedMailbox, SpecialUse, Uid } from '../contract.ts'
import { keyAfter, keyOf32, keyOf32andText, keyOfTable, read64, tables, write64 } from '../kv/keys.ts'
import type { Reader, Unit } from '../kv/unit.ts'
import { getJson, jsonRows, putJson, removeLong } from './long-value.ts'
import { damagedRow, foldWords, numberRow, readNumberRow } from './seal.ts'
import { readSequence, takeSequence, writeSequence } from './sequence.ts'

/** What seldom changes of a mailbox. */
export interface MailboxFacts {
  readonly account: number
  readonly name: string
  readonly uidValidity: number
  readonly specialUse: readonly SpecialUse[]
  readonly selectable: boolean
  readonly objectId: string
}

/** What each delivery changes. */
export interface MailboxState {
  uidNext: number
  highestModSeq: number
  messages: number
  unseen: number
  deleted: number
  sizeBytes: number
  firstRecent: number
  /** Expunges up to this MODSEQ were forgotten. */
  historyFloor: number
  /** Messages from this UID on are being copied here and are not part of the mailbox yet; 0 = none are. */
  stagedFrom: number
}

const stateFields = [
  'uidNext',
  'highestModSeq',
  'messages',
  'unseen',
  'deleted',
  'sizeBytes',
  'firstRecent',
  'historyFloor',
  'stagedFrom',
] as const
/** Of version 2 of the store: without the last field. */
const formerStateBytes = 64
/** Of version 3: without a checksum. */
const stateBytes = stateFields.length * 8
const sealedStateBytes = stateBytes + 4

const factsKey = (id: number): Buffer => keyOf32(tables.mailbox, id)
const stateKey = (id: number): Buffer => keyOf32(tables.mailboxState, id)
const keywordsKey = (id: number): Buffer => keyOf32(tables.keywords, id)
export const mailboxNameKey = (account: number, name: string): Buffer =>
  keyOf32andText(tables.mailboxByName, account, name)
const subscriptionKey = (account: number, name: string): Buffer =>
  keyOf32andText(tables.subscription, account, name)
export const namesVersionKey = (account: number): Buffer => keyOf32(tables.namesVersion, account)

/**
 * Another one after each change of what lists of an account's mailboxes show: names, subscriptions, what seldom changes.
 * Random, so that none comes back after a transaction that was given up.
 */
export const readNamesVersion = (reader: Reader, account: number): string =>
  reader.get(namesVersionKey(account))?.toString('latin1') ?? ''

export const renewNamesVersion = (unit: Unit, account: number): void =>
  unit.put(namesVersionKey(account), randomBytes(8))

export const writeSubscription = (
  unit: Unit,
  account: number,
  name: string,
  on: 'subscribed' | 'unsubscribed',
): void => {
  const key = subscriptionKey(account, name)
  if (on === 'subscribed') unit.put(key, Buffer.from([1]))
  else unit.remove(key)
  renewNamesVersion(unit, account)
}

export const readMailboxFacts = (reader: Reader, id: number): MailboxFacts | undefined =>
  getJson(reader, factsKey(id)) as MailboxFacts | undefined

/** With the index by special use. */
export const writeMailboxFacts = (unit: Unit, id: number, facts: MailboxFacts): void => {
  const former = readMailboxFacts(unit, id)
  if (former !== undefined) removeUses(unit, former.account, former.specialUse)
  writeUses(unit, id, facts)
  putJson(unit, factsKey(id), facts)
  renewNamesVersion(unit, facts.account)
}

const specialUseKey = (account: number, use: SpecialUse): Buffer =>
  keyOf32andText(tables.specialUse, account, use)

const removeUses = (unit: Unit, account: number, uses: readonly SpecialUse[]): void => {
  for (const use of uses) unit.remove(specialUseKey(account, use))
}

const writeUses = (
  unit: Unit,
  id: number,
  { account, specialUse }: Pick<MailboxFacts, 'account' | 'specialUse'>,
): void => {
  for (const use of specialUse) {
    const key = specialUseKey(account, use)
    unit.put(key, numberRow(key, id))
  }
}

/** For an upgrade and a rebuild: the index from the rows. */
export const deriveSpecialUses = (unit: Unit): void => {
  const rows = Array.from(jsonRows(unit, keyOfTable(tables.mailbox)))
  for (const { key, value } of rows) writeUses(unit, key.readUInt32BE(1), value as MailboxFacts)
}

/** The mailbox of an account that has this use. */
export const findSpecialUse = (reader: Reader, account: number, use: SpecialUse): number | undefined =>
  findNumber(reader, specialUseKey(account, use))

const findNumber = (reader: Reader, key: Buffer): number | undefined => {
  const row = reader.get(key)
  return row && readNumberRow(key, row)
}

/** Throws 'corrupt'. */
export const readMailboxState = (reader: Reader, id: number): MailboxState | undefined => {
  const key = stateKey(id)
  const bytes = reader.get(key)
  return bytes && stateIn(id, key, bytes)
}

/** Of at most so many mailboxes, in the order of their ids. Throws 'corrupt'. */
export function* mailboxStatesFrom(
  reader: Reader,
  fromId: number,
  limit: number,
): Generator<{ readonly id: number; readonly state: MailboxState }> {
  const end = keyAfter(keyOfTable(tables.mailboxState))
  for (const { key, value } of reader.range({ start: stateKey(fromId), end, limit })) {
    const id = key.readUInt32BE(1)
    yield { id, state: stateIn(id, key, value) }
  }
}

const stateIn = (id: number, key: Buffer, bytes: Buffer): MailboxState => {
  if (bytes.length >= sealedStateBytes && bytes.readUInt32BE(stateBytes) !== stateSeal(id, bytes))
    throw damagedRow(key)
  return {
    uidNext: read64(bytes, 0),
    highestModSeq: read64(bytes, 8),
    messages: read64(bytes, 16),
    unseen: read64(bytes, 24),
    deleted: read64(bytes, 32),
    sizeBytes: read64(bytes, 40),
    firstRecent: read64(bytes, 48),
    historyFloor: read64(bytes, 56),
    stagedFrom: bytes.length > formerStateBytes ? read64(bytes, formerStateBytes) : 0,
  }
}

export const writeMailboxState = (unit: Unit, id: number, state: MailboxState): void => {
  const bytes = Buffer.allocUnsafe(sealedStateBytes)
  let at = 0
  for (const field of stateFields) {
    write64(bytes, state[field], at)
    at += 8
  }
  bytes.writeUInt32BE(stateSeal(id, bytes), stateBytes)
  unit.put(stateKey(id), bytes)
}

/** A MODSEQ for a change that concerns no message: annotations (RFC 7162 §3.2). */
export const countMailboxChange = (unit: Unit, id: number): void => {
  const state = readMailboxState(unit, id)
  if (state !== undefined) writeMailboxState(unit, id, { ...state, highestModSeq: state.highestModSeq + 1 })
}

const stateSeal = (id: number, bytes: Buffer): number => (foldWords(bytes, 0, stateBytes) ^ id) >>> 0

export const readKeywords = (reader: Reader, id: number): readonly string[] =>
  (getJson(reader, keywordsKey(id)) as readonly string[] | undefined) ?? []

export const writeKeywords = (unit: Unit, id: number, keywords: readonly string[]): void =>
  putJson(unit, keywordsKey(id), keywords)

export const findMailboxId = (reader: Reader, account: number, name: string): number | undefined =>
  findNumber(reader, mailboxNameKey(account, name))

export const putMailboxName = (
  unit: Unit,
  id: number,
  { account, name }: Pick<MailboxFacts, 'account' | 'name'>,
): void => {
  const key = mailboxNameKey(account, name)
  unit.put(key, numberRow(key, id))
}

export const readMailbox = (reader: Reader, id: number): Mailbox | undefined => {
  const named = readNamedMailbox(
    reader,
    id,
    (account, name) => reader.get(subscriptionKey(account, name)) !== undefined,
  )
  return named && withCounts(reader, named)
}

export const readNamedMailbox = (
  reader: Reader,
  id: number,
  isSubscribed: (account: number, name: string) => boolean,
): NamedMailbox | undefined => {
  const facts = readMailboxFacts(reader, id)
  if (facts === undefined) return undefined
  const { account, name, uidValidity, specialUse, selectable, objectId } = facts
  return {
    id: id as MailboxId,
    account: account as AccountId,
    name,
    uidValidity,
    specialUse,
    subscribed: isSubscribed(account, name),
    selectable,
    objectId,
  }
}

export const withCounts = (reader: Reader, named: NamedMailbox): Mailbox | undefined => {
  const state = readMailboxState(reader, named.id)
  if (state === undefined) return undefined
  return {
    ...named,
    uidNext: state.uidNext as Uid,
    highestModSeq: state.highestModSeq as ModSeq,
    messages: state.messages,
    unseen: state.unseen,
    deleted: state.deleted,
    sizeBytes: state.sizeBytes,
    firstRecent: state.firstRecent as Uid,
    keywords: readKeywords(reader, named.id),
  }
}

/** RFC 9051 §2.3.1.1: greater than every value given before in this store, so never the same again. */
export const takeUidValidity = (unit: Unit, nowMs: number): number => {
  const value = Math.max(readSequence(unit, 'uid-validity'), Math.floor(nowMs / 1000))
  writeSequence(unit, 'uid-validity', value + 1)
  return value
}

export const createMailboxRows = (
  unit: Unit,
  facts: Pick<MailboxFacts, 'account' | 'name' | 'specialUse' | 'selectable'>,
  nowMs: number,
): number => {
  const id = takeSequence(unit, 'next-mailbox')
  writeMailboxFacts(unit, id, {
    ...facts,
    uidValidity: takeUidValidity(unit, nowMs),
    objectId: randomBytes(16).toString('hex'),
  })
  writeMailboxState(unit, id, emptyMailboxState())
  putMailboxName(unit, id, facts)
  return id
}

export const emptyMailboxState = (): MailboxState => ({
  uidNext: 1,
  highestModSeq: 1,
  messages: 0,
  unseen: 0,
  deleted: 0,
  sizeBytes: 0,
  firstRecent: 1,
  historyFloor: 1,
  stagedFrom: 0,
})

/** Facts, state, keywords and name; messages are removed before. */
export const removeMailboxRows = (unit: Unit, id: number): void => {
  const facts = readMailboxFacts(unit, id)
  if (facts !== undefined) {
    unit.remove(mailboxNameKey(facts.account, facts.name))
    removeUses(unit, facts.account, facts.specialUse)
    renewNamesVersion(unit, facts.account)
  }
  removeLong(unit, factsKey(id))
  unit.remove(stateKey(id))
  removeLong(unit, keywordsKey(id))
}
