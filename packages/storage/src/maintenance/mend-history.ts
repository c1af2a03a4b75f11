import { type Account, type AccountId, StoreError } from '../contract.ts'
import { keyAfter, keyOf32, keyOfTable, keyOfText, read64, type TableTag, tables } from '../kv/keys.ts'
import type { Unit } from '../kv/unit.ts'
import { readAccount } from '../rows/account-row.ts'
import { firstGroup } from '../rows/acl-row.ts'
import { chunkKey, chunkOfKey, decodeChunk, type Placement, writeChunk } from '../rows/chunk.ts'
import { jsonRows, putJson, removeLong, wholeOf } from '../rows/long-value.ts'
import {
  type MailboxFacts,
  readMailboxFacts,
  takeUidValidity,
  writeMailboxFacts,
} from '../rows/mailbox-row.ts'
import { readMessageRow } from '../rows/message-row.ts'
import { readSequence, type SequenceName, writeSequence } from '../rows/sequence.ts'
import { isRemovedAccount, removeUnfinished, unfinishedRows } from '../rows/unfinished-row.ts'
import type { FoundSegments } from './find-frames.ts'
import { dropStraySharing } from './mend-sharing.ts'

/** Values were skipped by what power failures left, too: far above all that clients may know. */
const uidValidityAhead = 1_000_000

/** Values that may lie in several rows, of which some may be missing now. */
const longTables: readonly TableTag[] = [
  tables.account,
  tables.group,
  tables.mailbox,
  tables.keywords,
  tables.acl,
  tables.annotation,
  tables.unfinished,
  tables.renaming,
  tables.message,
  tables.queueEntry,
  tables.queueRecipient,
]
const octetTables: readonly TableTag[] = [tables.annotation, tables.message]

/**
 * Rows of which some are missing are made to agree with each other, before anything is computed from them. UIDs may
 * have been given that nobody knows of: every mailbox gets a new UIDVALIDITY (RFC 9051 §2.3.1.1). Returns what an
 * administrator should know.
 */
export const mendHistory = (unit: Unit, found: FoundSegments, nowMs: number): string[] => {
  const notes: string[] = []
  dropUnreadable(unit, notes)
  for (const { mailbox } of [...unfinishedRows(unit)]) removeUnfinished(unit, mailbox)
  raiseSequences(unit, nowMs)
  dropUntold(unit, found, notes)
  makeMissingAccounts(unit, found, nowMs, notes)
  tellApart(unit, nowMs, notes)
  dropStraySharing(unit, notes)
  return notes
}

function* keysOf(unit: Unit, tag: TableTag): Generator<Buffer> {
  const start = keyOfTable(tag)
  for (const { key } of unit.range({ start, end: keyAfter(start) })) yield Buffer.from(key)
}

const dropUnreadable = (unit: Unit, notes: string[]): void => {
  for (const tag of longTables) {
    for (const key of [...keysOf(unit, tag)]) {
      try {
        const value = wholeOf(unit, key, unit.get(key) as Buffer)
        if (!octetTables.includes(tag)) JSON.parse(value.toString())
      } catch (error) {
        if (!(error instanceof StoreError) && !(error instanceof SyntaxError)) throw error
        removeLong(unit, key)
        notes.push(`A row of the ${nameOf(tag)} table is not whole, and is left out`)
      }
    }
  }
}

const nameOf = (tag: TableTag): string =>
  Object.entries(tables).find(([, each]) => each === tag)?.[0] ?? String(tag)

const idsOf = (unit: Unit, tag: TableTag): number[] =>
  Array.from(keysOf(unit, tag), (key) => key.readUInt32BE(1))

const raise = (unit: Unit, name: SequenceName, last: number): void =>
  writeSequence(unit, name, Math.max(readSequence(unit, name), last + 1))

const highest = (numbers: Iterable<number>): number => {
  let most = 0
  for (const number of numbers) most = Math.max(most, number)
  return most
}

/** No number that is in use, or may be known to a client, is given again. */
const raiseSequences = (unit: Unit, nowMs: number): void => {
  const mailboxes = [tables.mailbox, tables.mailboxState, tables.chunk].flatMap((tag) => idsOf(unit, tag))
  const owners = idsOf(unit, tables.mailbox).map((id) => readMailboxFacts(unit, id)?.account ?? 0)
  const accounts = [tables.account, tables.removedAccount].flatMap((tag) => idsOf(unit, tag))
  let messages = highest(Array.from(keysOf(unit, tables.message), (key) => read64(key, 1)))
  for (const { placements } of allChunks(unit))
    messages = Math.max(messages, highest(placements.map(({ messageId }) => messageId)))
  raise(unit, 'next-account', highest([...accounts, ...owners]))
  raise(unit, 'next-group', highest(idsOf(unit, tables.group).map((id) => id - firstGroup)))
  raise(unit, 'next-mailbox', highest(mailboxes))
  raise(unit, 'next-message', messages)
  const validities = idsOf(unit, tables.mailbox).map((id) => readMailboxFacts(unit, id)?.uidValidity ?? 0)
  raise(unit, 'uid-validity', highest([...validities, Math.floor(nowMs / 1000)]) + uidValidityAhead)
}

interface Chunk {
  readonly mailbox: number
  readonly chunk: number
  readonly placements: readonly Placement[]
}

const allChunks = (unit: Unit): Chunk[] =>
  Array.from(keysOf(unit, tables.chunk), (key) => ({
    mailbox: key.readUInt32BE(1),
    chunk: chunkOfKey(key),
    placements: decodeChunk(chunkOfKey(key), unit.get(key) as Buffer),
  }))

/** Placements of which mailbox or message is not known: their messages are delivered anew. */
const dropUntold = (unit: Unit, found: FoundSegments, notes: string[]): void => {
  for (const { mailbox, chunk, placements } of allChunks(unit)) {
    if (readMailboxFacts(unit, mailbox) === undefined) {
      unit.remove(chunkKey(mailbox, chunk))
      notes.push(`${placements.length} messages were in a mailbox of which nothing else is known`)
      continue
    }
    const kept = placements.filter((each) => agrees(unit, found, each))
    if (kept.length === placements.length) continue
    notes.push(`${placements.length - kept.length} messages of mailbox ${mailbox} are not told whole`)
    writeChunk(unit, mailbox, chunk, kept)
  }
}

const agrees = (unit: Unit, found: FoundSegments, { messageId, blobId, sizeBytes }: Placement): boolean => {
  const message = readMessageRow(unit, messageId)
  if (message === undefined || message.blobId !== blobId) return false
  const frame = found.frames.get(blobId)
  return frame === undefined || frame.header.bodyBytes + message.prefix.length === sizeBytes
}

const makeMissingAccounts = (unit: Unit, found: FoundSegments, nowMs: number, notes: string[]): void => {
  for (const mailbox of idsOf(unit, tables.mailbox)) {
    const facts = readMailboxFacts(unit, mailbox)
    if (facts === undefined || readAccount(unit, facts.account) || isRemovedAccount(unit, facts.account))
      continue
    const id = facts.account as AccountId
    const address = addressOf(unit, found, id) ?? `account-${id}@recovered.invalid`
    const account: Account = {
      id,
      address,
      passwordHash: '',
      enabled: true,
      quotaBytes: 0,
      createdMs: Math.trunc(nowMs),
      home: '',
    }
    putJson(unit, keyOf32(tables.account, id), account)
    notes.push(`Account ${id}: made again as ${address}, without a password (posthorn user passwd)`)
  }
}

/** As the frames of its messages name it. */
const addressOf = (unit: Unit, found: FoundSegments, account: number): string | undefined => {
  const votes = new Map<string, number>()
  for (const { mailbox, placements } of allChunks(unit)) {
    const owner = readMailboxFacts(unit, mailbox)
    if (owner?.account !== account) continue
    for (const { blobId } of placements) {
      const facts = found.frames.get(blobId)?.facts
      const recipients = facts?.kind === 'append' ? [facts] : (facts?.recipients ?? [])
      const named = recipients.filter((each) => each.mailbox === owner.name || recipients.length === 1)
      for (const each of named)
        if (each.account !== undefined) votes.set(each.account, (votes.get(each.account) ?? 0) + 1)
    }
  }
  const [best] = [...votes].sort(([, a], [, b]) => b - a)
  return best?.[0].toLowerCase()
}

/** An address, the name of a mailbox, a special use: each once. What came later may have lost its removal. */
const tellApart = (unit: Unit, nowMs: number, notes: string[]): void => {
  const addresses = new Set<string>()
  const accounts = Array.from(jsonRows(unit, keyOfTable(tables.account)), ({ value }) => value as Account)
  for (const account of accounts) {
    if (addresses.has(account.address)) {
      const address = `account-${account.id}@recovered.invalid`
      notes.push(`Account ${account.id}: ${account.address} is another account, too; it is ${address} now`)
      putJson(unit, keyOf32(tables.account, account.id), { ...account, address })
    }
    addresses.add(account.address)
  }
  const taken = new Set<string>()
  for (const id of idsOf(unit, tables.mailbox)) {
    const facts = readMailboxFacts(unit, id) as MailboxFacts
    const isTaken = taken.has(`${facts.account} ${facts.name}`)
    const name = isTaken ? `${facts.name} (recovered ${id})` : facts.name
    if (isTaken) notes.push(`Mailbox "${facts.name}" is there twice: the other one is "${name}" now`)
    taken.add(`${facts.account} ${name}`)
    const specialUse = facts.specialUse.filter((use) => !taken.has(`${facts.account} \\${use}`))
    for (const use of specialUse) taken.add(`${facts.account} \\${use}`)
    writeMailboxFacts(unit, id, { ...facts, name, specialUse, uidValidity: takeUidValidity(unit, nowMs) })
  }
  if (unit.get(keyOfText(tables.meta, 'domains')) === undefined)
    notes.push('Domains that were added by command, if any, are not known (posthorn domain add)')
}
