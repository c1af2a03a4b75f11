import { type Account, systemFlag } from '../contract.ts'
import { keyAfter, keyOfTable, keyOfText, read64, tables } from '../kv/keys.ts'
import type { Unit } from '../kv/unit.ts'
import { addDue } from '../queue/due-index.ts'
import { readAccount, writeAccount } from '../rows/account-row.ts'
import { deriveSharedWith } from '../rows/acl-row.ts'
import { blobKey, encodeBlobRow, frameBytesOf, maxInlineSummaryBytes, readBlobRow } from '../rows/blob-row.ts'
import { addPlacements, decodeChunk, type Placement } from '../rows/chunk.ts'
import { removeConversation } from '../rows/conversation-row.ts'
import { writeExpunged } from '../rows/expunged-row.ts'
import { jsonRows, removeLong } from '../rows/long-value.ts'
import {
  deriveSpecialUses,
  putMailboxName,
  readMailboxFacts,
  readMailboxState,
  writeMailboxState,
} from '../rows/mailbox-row.ts'
import { messageKey, readMessageRow, writeMessageRow } from '../rows/message-row.ts'
import {
  entryRows,
  recipientsOf,
  removeRecipient,
  type StoredRecipient,
  writeArrival,
  writeCount,
  writeRecipient,
} from '../rows/queue-row.ts'
import { removeUnfinished, unfinishedRows } from '../rows/unfinished-row.ts'
import { writeUsage } from '../rows/usage-row.ts'
import { addLiveBytes, writeSegmentRow } from '../segments/segment-row.ts'
import { maxSegmentBytes } from '../segments/segment-writer.ts'
import type { FoundSegments, KnownFrame } from './find-frames.ts'

export interface Derived {
  readonly lost: string[]
  /** Blobs that a placement or queue entry names. */
  readonly referenced: Set<number>
}

/** From journaled rows and frames: counters, references, blobs, segments, the due index. */
export const deriveRows = (unit: Unit, found: FoundSegments): Derived => {
  const derived: Derived = { lost: [], referenced: new Set() }
  deriveAddresses(unit)
  deriveSpecialUses(unit)
  deriveSharedWith(unit)
  const references = new Map<number, number>()
  const refer = (blobId: number): void => {
    references.set(blobId, (references.get(blobId) ?? 0) + 1)
    derived.referenced.add(blobId)
  }
  const messages = derivePlacements(unit, found, derived)
  dropUnfinished(unit)
  dropUnplaced(unit, messages)
  for (const [messageId, { blobId, count }] of messages) {
    const prefix = readMessageRow(unit, messageId)?.prefix ?? Buffer.alloc(0)
    writeMessageRow(unit, messageId, { blobId, references: count, prefix })
    refer(blobId)
  }
  deriveQueue(unit, found, derived, refer)
  for (const [segment, { lengthBytes }] of found.segments) {
    writeSegmentRow(unit, segment, {
      owner: 0,
      state: 'sealed',
      shape: lengthBytes > maxSegmentBytes ? 'single' : 'shared',
      syncedBytes: lengthBytes,
      lengthBytes,
      liveBytes: 0,
    })
  }
  for (const [blobId, count] of references) enterFrame(unit, found.frames.get(blobId) as KnownFrame, count)
  raiseSegmentNumber(unit, found)
  return derived
}

/** Also for frames that are delivered again. */
export const enterFrame = (
  unit: Unit,
  { header, segment, offset, summary }: KnownFrame,
  references: number,
): void => {
  if (readBlobRow(unit, header.blobId)) return
  const row = {
    segment,
    offset,
    bodyBytes: header.bodyBytes,
    headBytes: header.headBytes,
    factsBytes: header.factsBytes,
    summaryBytes: header.summaryBytes,
    references,
    receivedMs: header.receivedMs,
    summary: summary.length <= maxInlineSummaryBytes ? summary : undefined,
  }
  unit.put(blobKey(header.blobId), encodeBlobRow(row))
  addLiveBytes(unit, segment, frameBytesOf(row))
}

/** Accounts are journaled, their addresses as keys are not. */
const deriveAddresses = (unit: Unit): void => {
  const accounts = Array.from(jsonRows(unit, keyOfTable(tables.account)), ({ value }) => value as Account)
  for (const account of accounts) writeAccount(unit, account)
}

type MessageCounts = Map<number, { readonly blobId: number; count: number }>

/** Mailbox by mailbox: drops placements without octets, counts the others. */
const derivePlacements = (unit: Unit, found: FoundSegments, derived: Derived): MessageCounts => {
  const messages: MessageCounts = new Map()
  const byMailbox = new Map<number, Placement[]>()
  const start = keyOfTable(tables.chunk)
  for (const { key, value } of [...unit.range({ start, end: keyAfter(start) })]) {
    const mailbox = key.readUInt32BE(1)
    const list = byMailbox.get(mailbox) ?? []
    list.push(...decodeChunk(key.readUInt32BE(5), value))
    byMailbox.set(mailbox, list)
    unit.remove(key)
  }
  const usage = new Map<number, { sizeBytes: number; messages: number }>()
  for (const mailbox of mailboxesOf(unit)) {
    const facts = readMailboxFacts(unit, mailbox)
    if (facts === undefined) continue
    const stagedFrom = readMailboxState(unit, mailbox)?.stagedFrom || Number.POSITIVE_INFINITY
    const all = (byMailbox.get(mailbox) ?? []).filter(({ uid }) => uid < stagedFrom)
    const kept = all.filter(({ blobId }) => found.frames.has(blobId))
    const owner = readAccount(unit, facts.account)?.address ?? `account ${facts.account}`
    for (const { uid, blobId, sizeBytes, internalDateMs } of all) {
      if (found.frames.has(blobId)) continue
      derived.referenced.add(blobId)
      const known = `${sizeBytes} octets, ${new Date(internalDateMs).toISOString()}`
      derived.lost.push(`${owner}, mailbox "${facts.name}", UID ${uid} (${known}): ${fate(found, blobId)}`)
    }
    const sizeBytes = deriveMailbox(unit, mailbox, all, kept)
    const sum = usage.get(facts.account) ?? { sizeBytes: 0, messages: 0 }
    usage.set(facts.account, { sizeBytes: sum.sizeBytes + sizeBytes, messages: sum.messages + kept.length })
    for (const { messageId, blobId } of kept) {
      const count = messages.get(messageId) ?? { blobId, count: 0 }
      count.count++
      messages.set(messageId, count)
    }
  }
  for (const [account, sum] of usage) writeUsage(unit, account, sum)
  return messages
}

const fate = (found: FoundSegments, blobId: number): string => {
  const damaged = found.damaged.get(blobId)
  return damaged === undefined
    ? `its octets are gone (they were in segment ${Math.floor(blobId / maxSegmentBytes)})`
    : `its octets are damaged (segment ${damaged.segment}, at ${damaged.offset})`
}

const mailboxesOf = (unit: Unit): number[] => {
  const start = keyOfTable(tables.mailbox)
  const ids: number[] = []
  for (const { key } of unit.range({ start, end: keyAfter(start) })) ids.push(key.readUInt32BE(1))
  for (const id of ids) {
    const facts = readMailboxFacts(unit, id)
    if (facts) putMailboxName(unit, id, facts)
  }
  return ids
}

/** Returns the octets kept. */
const deriveMailbox = (
  unit: Unit,
  mailbox: number,
  all: readonly Placement[],
  kept: readonly Placement[],
): number => {
  const state = readMailboxState(unit, mailbox)
  const highest = all.reduce((max, { modSeq }) => Math.max(max, modSeq), state?.highestModSeq ?? 1)
  const fresh = {
    uidNext: Math.max(state?.uidNext ?? 1, (all.at(-1)?.uid ?? 0) + 1),
    highestModSeq: highest,
    messages: kept.length,
    unseen: kept.filter(({ flags0 }) => (flags0 & systemFlag.seen) === 0).length,
    deleted: kept.filter(({ flags0 }) => (flags0 & systemFlag.deleted) !== 0).length,
    sizeBytes: kept.reduce((sum, each) => sum + each.sizeBytes, 0),
    firstRecent: state?.firstRecent ?? 1,
    historyFloor: state?.historyFloor ?? 1,
    stagedFrom: 0,
  }
  const gone = all.filter((each) => !kept.includes(each))
  if (gone.length > 0) {
    fresh.highestModSeq++
    writeExpunged(
      unit,
      mailbox,
      fresh.highestModSeq,
      Uint32Array.from(gone, ({ uid }) => uid),
    )
  }
  addPlacements(unit, mailbox, kept)
  writeMailboxState(unit, mailbox, fresh)
  return fresh.sizeBytes
}

/** What was staged is dropped already, and so are messages of mailboxes that were being removed. */
const dropUnfinished = (unit: Unit): void => {
  for (const { mailbox, work } of [...unfinishedRows(unit)]) {
    const hasHistory = readMailboxState(unit, mailbox) === undefined
    if (work.kind !== 'filling' && !hasHistory) removeUnfinished(unit, mailbox)
  }
}

/** Message rows that no mailbox names, and what conversations they belonged to. */
const dropUnplaced = (unit: Unit, messages: MessageCounts): void => {
  for (const id of numbersOf(unit, tables.message)) if (!messages.has(id)) removeLong(unit, messageKey(id))
  for (const id of numbersOf(unit, tables.conversation)) if (!messages.has(id)) removeConversation(unit, id)
}

const numbersOf = (unit: Unit, tag: typeof tables.message | typeof tables.conversation): number[] => {
  const start = keyOfTable(tag)
  return Array.from(unit.range({ start, end: keyAfter(start) }), ({ key }) => read64(key, 1))
}

const deriveQueue = (
  unit: Unit,
  found: FoundSegments,
  derived: Derived,
  refer: (blobId: number) => void,
): void => {
  let count = 0
  for (const { key, entry } of [...entryRows(unit)]) {
    const recipients = recipientsOf(unit, entry.queueId)
    if (!found.frames.has(entry.blobId) || recipients.length === 0) {
      if (recipients.length > 0) {
        derived.referenced.add(entry.blobId)
        const to = recipients.map(({ recipient }) => recipient.address).join(', ')
        derived.lost.push(`Queue entry ${entry.queueId} to ${to}: ${fate(found, entry.blobId)}`)
      }
      for (const { index } of recipients) removeRecipient(unit, entry.queueId, index)
      removeLong(unit, key)
      continue
    }
    count++
    refer(entry.blobId)
    writeArrival(unit, entry)
    for (const { index, recipient } of recipients) {
      // Whoever had claimed it is gone; the attempt stays counted.
      const { lease: _, ...free }: StoredRecipient = recipient
      writeRecipient(unit, entry.queueId, index, free)
      if (!entry.hold) addDue(unit, { ...free, queueId: entry.queueId, index })
    }
  }
  dropStrayRecipients(unit)
  writeCount(unit, count)
}

const dropStrayRecipients = (unit: Unit): void => {
  const start = keyOfTable(tables.queueRecipient)
  const keys = Array.from(unit.range({ start, end: keyAfter(start) }), ({ key }) => key)
  for (const key of keys) {
    const queueId = key.toString('utf8', 1, key.length - 5)
    if (unit.get(keyOfText(tables.queueEntry, queueId)) === undefined) removeLong(unit, key)
  }
}

/** Segment numbers are never used again. */
const raiseSegmentNumber = (unit: Unit, found: FoundSegments): void => {
  const key = keyOfText(tables.meta, 'next-segment')
  const highest = Math.max(0, ...found.segments.keys())
  const row = Buffer.alloc(4)
  row.writeUInt32BE(Math.max(unit.get(key)?.readUInt32BE(0) ?? 1, highest + 1))
  unit.put(key, row)
}
