import { StoreError, systemFlag } from '../contract.ts'
import type { IndexMoment } from '../kv/index-moment.ts'
import { read64, tables } from '../kv/keys.ts'
import type { Reader } from '../kv/unit.ts'
import { type BlobRow, frameBytesOf, openBlobRow } from '../rows/blob-row.ts'
import { chunkShift, decodeChunk, isWholeChunk } from '../rows/chunk.ts'
import { wholeOf } from '../rows/long-value.ts'
import { readMailboxState } from '../rows/mailbox-row.ts'
import { decodeMessageRow } from '../rows/message-row.ts'
import { arrivalOfKey, readEntry } from '../rows/queue-row.ts'
import { queueWorkRows } from '../rows/queue-work-row.ts'
import { damagedRow } from '../rows/seal.ts'
import { unfinishedRows } from '../rows/unfinished-row.ts'

/** Everything that can be counted, counted from placements and queue entries alone. */
export interface IndexFacts {
  readonly mailboxes: Map<number, MailboxCount>
  /** Messages that are being copied to a mailbox, not yet part of it. */
  readonly staged: Map<number, number>
  /** Placements by message. */
  readonly messageReferences: Map<number, number>
  readonly messages: Map<number, { readonly blobId: number; readonly references: number }>
  readonly blobs: Map<number, BlobRow>
  readonly queueBlobs: Map<number, number>
  readonly queueEntries: number
  readonly problems: string[]
}

export interface MailboxCount {
  messages: number
  unseen: number
  deleted: number
  sizeBytes: number
  highestUid: number
  highestModSeq: number
}

/** What a damaged row leaves unknown is a problem, and the rest goes on. */
export const noting = <T>(problems: string[], read: () => T): T | undefined => {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof StoreError) || error.kind !== 'corrupt') throw error
    problems.push(error.message)
    return undefined
  }
}

export const readIndexFacts = async (moment: IndexMoment): Promise<IndexFacts> => {
  const facts: IndexFacts = {
    mailboxes: new Map(),
    staged: new Map(),
    messageReferences: new Map(),
    messages: new Map(),
    blobs: new Map(),
    queueBlobs: new Map(),
    queueEntries: 0,
    problems: [],
  }
  const hidden = hiddenFrom(moment, facts.problems)
  await moment.eachRow(tables.chunk, (key, value) => {
    const mailbox = key.readUInt32BE(1)
    const chunk = key.readUInt32BE(5)
    if (isWholeChunk(mailbox, chunk, value))
      countChunk(facts, { mailbox, chunk, hiddenFrom: hidden.get(mailbox) ?? noUid }, value)
    else facts.problems.push(damagedRow(key).message)
  })
  await moment.eachRow(tables.message, (key, value) => {
    const row = noting(facts.problems, () => decodeMessageRow(wholeOf(moment, key, value)))
    if (row !== undefined)
      facts.messages.set(read64(key, 1), { blobId: row.blobId, references: row.references })
  })
  await moment.eachRow(tables.blob, (key, value) => {
    const row = noting(facts.problems, () => openBlobRow(key, value))
    // All summaries together are too much for memory.
    if (row !== undefined) facts.blobs.set(read64(key, 1), { ...row, summary: undefined })
  })
  let queueEntries = 0
  await moment.eachRow(tables.queueArrival, (key) => {
    const { queueId } = arrivalOfKey(key)
    const known = facts.problems.length
    const entry = noting(facts.problems, () => readEntry(moment, queueId))
    queueEntries++
    if (facts.problems.length > known) return
    if (entry === undefined) facts.problems.push(`Queue entry ${queueId} is missing`)
    else facts.queueBlobs.set(entry.blobId, (facts.queueBlobs.get(entry.blobId) ?? 0) + 1)
  })
  for (const { work } of noting(facts.problems, () => [...queueWorkRows(moment)]) ?? [])
    if (work.kind === 'accepting')
      facts.queueBlobs.set(work.blobId, (facts.queueBlobs.get(work.blobId) ?? 0) + 1)
  return { ...facts, queueEntries }
}

const emptyCount = (): MailboxCount => ({
  messages: 0,
  unseen: 0,
  deleted: 0,
  sizeBytes: 0,
  highestUid: 0,
  highestModSeq: 0,
})

const noUid = 0xffff_ffff

/** By mailbox: the UID from which messages are not part of it, because they are being copied or removed. */
const hiddenFrom = (reader: Reader, problems: string[]): Map<number, number> => {
  const hidden = new Map<number, number>()
  noting(problems, () => {
    for (const { mailbox, work } of unfinishedRows(reader)) {
      if (work.kind === 'clearing') hidden.set(mailbox, work.fromUid)
      if (work.kind === 'staging') hidden.set(mailbox, readMailboxState(reader, mailbox)?.stagedFrom ?? 0)
    }
  })
  return hidden
}

const refer = ({ messageReferences }: IndexFacts, messageId: number): void => {
  messageReferences.set(messageId, (messageReferences.get(messageId) ?? 0) + 1)
}

const countChunk = (
  facts: IndexFacts,
  { mailbox, chunk, hiddenFrom }: { mailbox: number; chunk: number; hiddenFrom: number },
  value: Buffer,
): void => {
  const placements = decodeChunk(chunk, value)
  if (chunk * 2 ** chunkShift >= hiddenFrom) {
    facts.staged.set(mailbox, (facts.staged.get(mailbox) ?? 0) + placements.length)
    for (const { messageId } of placements) refer(facts, messageId)
    return
  }
  const count = facts.mailboxes.get(mailbox) ?? emptyCount()
  facts.mailboxes.set(mailbox, count)
  for (const placement of placements) {
    if (placement.uid <= count.highestUid) {
      facts.problems.push(`Mailbox ${mailbox}: UID ${placement.uid} is out of order`)
    }
    count.highestUid = placement.uid
    count.highestModSeq = Math.max(count.highestModSeq, placement.modSeq)
    count.messages++
    count.sizeBytes += placement.sizeBytes
    if ((placement.flags0 & systemFlag.seen) === 0) count.unseen++
    if ((placement.flags0 & systemFlag.deleted) !== 0) count.deleted++
    refer(facts, placement.messageId)
  }
}

/** References that each blob should have. */
export const blobReferences = async (
  moment: IndexMoment,
  facts: IndexFacts,
): Promise<Map<number, number>> => {
  const references = new Map(facts.queueBlobs)
  await moment.each(facts.messages.values(), ({ blobId }) => {
    references.set(blobId, (references.get(blobId) ?? 0) + 1)
  })
  return references
}

/** Live octets that each segment should have. */
export const liveBytes = async (moment: IndexMoment, facts: IndexFacts): Promise<Map<number, number>> => {
  const live = new Map<number, number>()
  await moment.each(facts.blobs.values(), (row) => {
    live.set(row.segment, (live.get(row.segment) ?? 0) + frameBytesOf(row))
  })
  return live
}
