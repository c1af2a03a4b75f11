import { setImmediate as nextTurn } from 'node:timers/promises'
import type { CheckReport } from '../contract.ts'
import type { Environment } from '../kv/environment.ts'
import { IndexMoment } from '../kv/index-moment.ts'
import { keyOfTable, tables } from '../kv/keys.ts'
import { type Reader, Snapshot } from '../kv/unit.ts'
import { isWhole, segmentRows } from '../recovery/recover-segments.ts'
import { findAccountId, readAccount } from '../rows/account-row.ts'
import { type BlobRow, frameBytesOf, readBlobRow } from '../rows/blob-row.ts'
import { isWholeExpunged } from '../rows/expunged-row.ts'
import { emptyMailboxState, findSpecialUse, readMailboxFacts, readMailboxState } from '../rows/mailbox-row.ts'
import { arrivalOfKey, parseRecipientTail, readCount, recipientsOf } from '../rows/queue-row.ts'
import { queueWorkRows } from '../rows/queue-work-row.ts'
import { unfinishedRows } from '../rows/unfinished-row.ts'
import { readUsage, usageIn } from '../rows/usage-row.ts'
import { readVersion } from '../rows/version-row.ts'
import type { FileLayer } from '../segments/file-layer.ts'
import { segmentPath } from '../segments/segment-path.ts'
import { checkConversations } from './check-conversations.ts'
import { sharingProblems } from './check-sharing.ts'
import { blobReferences, type IndexFacts, liveBytes, noting, readIndexFacts } from './index-facts.ts'

export interface CheckPlace {
  readonly environment: Environment
  readonly files: FileLayer
  readonly segmentDirectory: string
}

/** Store version. */
const specialUsesSince = 3

/** Problems listed; a badly damaged store says how many more there are. */
const maxProblems = 1_000

/** The index is looked at as of one moment, the frames follow; all of it in short turns. Throws what `mayGoOn` throws. */
export const checkStore = async (place: CheckPlace, mayGoOn: () => void = () => {}): Promise<CheckReport> => {
  const moment = new IndexMoment(place.environment, mayGoOn)
  let facts: IndexFacts
  let report: Omit<CheckReport, 'problems' | 'verifiedBytes'>
  try {
    facts = await readIndexFacts(moment)
    report = await checkIndex(moment, facts)
  } finally {
    moment.release()
  }
  const { problems } = facts
  const verifiedBytes = await checkFrames(place, facts, mayGoOn)
  const shown = problems.slice(0, maxProblems)
  if (problems.length > maxProblems) shown.push(`… and ${problems.length - maxProblems} more`)
  return { problems: shown, ...report, verifiedBytes }
}

const checkIndex = async (
  moment: IndexMoment,
  facts: IndexFacts,
): Promise<Omit<CheckReport, 'problems' | 'verifiedBytes'>> => {
  const { problems } = facts
  const mailboxes = await checkMailboxes(moment, facts)
  await checkMessages(moment, facts)
  await checkConversations(moment, facts)
  await checkBlobs(moment, facts)
  await checkSegments(moment, facts)
  await checkQueue(moment, facts)
  const accounts = await checkUsage(moment, facts, mailboxes)
  await moment.eachRow(tables.expunged, (key, value) => {
    if (!isWholeExpunged(key, value))
      problems.push(`Mailbox ${key.readUInt32BE(1)}: a row of what was expunged is damaged`)
  })
  await checkAddresses(moment, facts)
  // Before that version there was no such table: a backup that an upgrade makes first is whole without it.
  if ((readVersion(moment) ?? 0) >= specialUsesSince) await checkSpecialUses(moment, facts)
  noting(problems, () => problems.push(...sharingProblems(moment, mailboxes)))
  let messages = 0
  for (const count of facts.mailboxes.values()) messages += count.messages
  return {
    accounts,
    mailboxes: mailboxes.length,
    messages,
    blobs: facts.blobs.size,
    queueEntries: facts.queueEntries,
    segments: [...segmentRows(moment)].length,
  }
}

const differ = (problems: string[], what: string, is: number, should: number): void => {
  if (is !== should) problems.push(`${what} is ${is}, should be ${should}`)
}

const idsOf = async (
  moment: IndexMoment,
  tag: typeof tables.mailbox | typeof tables.mailboxState | typeof tables.account,
): Promise<number[]> => {
  const ids: number[] = []
  await moment.eachRow(tag, (key) => ids.push(key.readUInt32BE(1)))
  return ids
}

const checkMailboxes = async (
  moment: IndexMoment,
  facts: IndexFacts,
): Promise<{ id: number; account: number }[]> => {
  const { problems } = facts
  const mailboxes: { id: number; account: number }[] = []
  await moment.each(await idsOf(moment, tables.mailbox), (id) => {
    const row = noting(problems, () => readMailboxFacts(moment, id))
    const state = noting(problems, () => readMailboxState(moment, id))
    if (row === undefined || state === undefined) {
      problems.push(`Mailbox ${id} has no state`)
      return
    }
    mailboxes.push({ id, account: row.account })
    const name = `Mailbox ${id} "${row.name}"`
    const count = facts.mailboxes.get(id)
    const should = count ?? emptyMailboxState()
    differ(problems, `${name}: number of messages`, state.messages, should.messages)
    differ(problems, `${name}: number of unseen`, state.unseen, should.unseen)
    differ(problems, `${name}: number of deleted`, state.deleted, should.deleted)
    differ(problems, `${name}: size`, state.sizeBytes, should.sizeBytes)
    if (count && state.uidNext <= count.highestUid) problems.push(`${name}: UIDNEXT is not above its UIDs`)
    if (count && state.highestModSeq < count.highestModSeq) problems.push(`${name}: HIGHESTMODSEQ is too low`)
  })
  const known = new Set(mailboxes.map(({ id }) => id))
  const states = await idsOf(moment, tables.mailboxState)
  noting(problems, () => problems.push(...unfinishedProblems(moment, facts, states)))
  for (const id of facts.mailboxes.keys())
    if (!known.has(id)) problems.push(`Messages of mailbox ${id}, which is not there`)
  return mailboxes
}

/** Copies that are being staged are as many as is noted; nothing is staged without a note. */
const unfinishedProblems = (reader: Reader, { staged }: IndexFacts, states: readonly number[]): string[] => {
  const problems: string[] = []
  const noted = new Set<number>()
  for (const { mailbox, work } of unfinishedRows(reader)) {
    const state = readMailboxState(reader, mailbox)
    noted.add(mailbox)
    if (work.kind === 'staging')
      differ(problems, `Mailbox ${mailbox}: messages being copied`, work.messages, staged.get(mailbox) ?? 0)
    if (work.kind === 'clearing' && state !== undefined)
      differ(problems, `Mailbox ${mailbox}: first message to clear`, work.fromUid, state.stagedFrom)
  }
  for (const id of states) {
    const stagedFrom = readMailboxState(reader, id)?.stagedFrom
    if (stagedFrom !== 0 && !noted.has(id)) problems.push(`Mailbox ${id}: nobody copies to UID ${stagedFrom}`)
  }
  return problems
}

/** Each use leads to the mailbox that has it. */
const checkSpecialUses = async (moment: IndexMoment, { problems }: IndexFacts): Promise<void> => {
  let uses = 0
  await moment.each(await idsOf(moment, tables.mailbox), (id) => {
    const facts = noting(problems, () => readMailboxFacts(moment, id))
    for (const use of facts?.specialUse ?? []) {
      uses++
      const found = noting(problems, () => findSpecialUse(moment, facts?.account ?? 0, use))
      if (found !== id) problems.push(`Mailbox ${id}: its use \\${use} leads to ${found ?? 'nothing'}`)
    }
  })
  differ(problems, 'Number of special uses', moment.count(keyOfTable(tables.specialUse)), uses)
}

const checkUsage = async (
  moment: IndexMoment,
  facts: IndexFacts,
  mailboxes: readonly { id: number; account: number }[],
): Promise<number> => {
  const sums = new Map<number, { sizeBytes: number; messages: number }>()
  for (const { id, account } of mailboxes) {
    const sum = sums.get(account) ?? { sizeBytes: 0, messages: 0 }
    sum.sizeBytes += facts.mailboxes.get(id)?.sizeBytes ?? 0
    sum.messages += facts.mailboxes.get(id)?.messages ?? 0
    sums.set(account, sum)
  }
  const accounts = await idsOf(moment, tables.account)
  await moment.eachRow(tables.usage, (key, value) => {
    if (usageIn(key, value) === undefined)
      facts.problems.push(`Account ${key.readUInt32BE(1)}: the row of what it holds is damaged`)
  })
  await moment.each(accounts, (account) => {
    const usage = readUsage(moment, account)
    const should = sums.get(account) ?? { sizeBytes: 0, messages: 0 }
    differ(facts.problems, `Account ${account}: size`, usage.sizeBytes, should.sizeBytes)
    differ(facts.problems, `Account ${account}: number of messages`, usage.messages, should.messages)
  })
  return accounts.length
}

/** One entry for each account, under its address, and no other. */
const checkAddresses = async (moment: IndexMoment, { problems }: IndexFacts): Promise<void> => {
  const known = new Set<string>()
  await moment.each(await idsOf(moment, tables.account), (id) => {
    const address = noting(problems, () => readAccount(moment, id))?.address
    if (address === undefined) return
    known.add(address)
    const found = noting(problems, () => findAccountId(moment, address))
    if (found !== id) problems.push(`Account ${id}: its address "${address}" leads to ${found ?? 'nobody'}`)
  })
  await moment.eachRow(tables.accountByAddress, (key) => {
    const address = key.toString('utf8', 1)
    if (!known.has(address)) problems.push(`Address "${address}" leads to an account that has another`)
  })
}

const checkMessages = async (
  moment: IndexMoment,
  { messages, messageReferences, blobs, problems }: IndexFacts,
): Promise<void> => {
  await moment.each(messages, ([id, { blobId, references }]) => {
    differ(problems, `Message ${id}: references`, references, messageReferences.get(id) ?? 0)
    if (!blobs.has(blobId)) problems.push(`Message ${id}: its octets are unknown`)
  })
  await moment.each(messageReferences.keys(), (id) => {
    if (!messages.has(id)) problems.push(`Message ${id} is missing`)
  })
}

const checkBlobs = async (moment: IndexMoment, facts: IndexFacts): Promise<void> => {
  const references = await blobReferences(moment, facts)
  await moment.each(facts.blobs, ([id, row]) => {
    differ(facts.problems, `Blob ${id}: references`, row.references, references.get(id) ?? 0)
  })
  await moment.each(facts.queueBlobs.keys(), (id) => {
    if (!facts.blobs.has(id)) facts.problems.push(`Queued blob ${id} is missing`)
  })
}

const checkSegments = async (moment: IndexMoment, facts: IndexFacts): Promise<void> => {
  const live = await liveBytes(moment, facts)
  for (const { segment, row } of segmentRows(moment)) {
    if (row.isDamaged) facts.problems.push(`Segment ${segment}: its row in the index is damaged`)
    differ(facts.problems, `Segment ${segment}: live octets`, row.liveBytes, live.get(segment) ?? 0)
    live.delete(segment)
  }
  for (const segment of live.keys()) facts.problems.push(`Segment ${segment} is not listed`)
}

const checkQueue = async (moment: IndexMoment, { problems, queueEntries }: IndexFacts): Promise<void> => {
  differ(problems, 'Number of queue entries', readCount(moment), queueEntries)
  const known = new Set<string>()
  for (const { queueId } of noting(problems, () => [...queueWorkRows(moment)]) ?? []) known.add(queueId)
  await moment.eachRow(tables.queueArrival, (key) => {
    const { queueId } = arrivalOfKey(key)
    known.add(queueId)
    const has = noting(problems, () => recipientsOf(moment, queueId).length > 0)
    if (has === false) problems.push(`Queue entry ${queueId} has no recipient`)
  })
  const strays = new Set<string>()
  await moment.eachRow(tables.queueRecipient, (key) => {
    const { queueId } = parseRecipientTail(key, 0)
    if (!known.has(queueId)) strays.add(queueId)
  })
  for (const queueId of strays) problems.push(`Recipients of queue entry ${queueId}, which is not there`)
}

/** Every frame that the index names: present, of this message, and undamaged. */
const checkFrames = async (
  { environment, files, segmentDirectory }: CheckPlace,
  facts: IndexFacts,
  mayGoOn: () => void,
): Promise<number> => {
  let verifiedBytes = 0
  for (const [segment, blobs] of bySegment(facts.blobs)) {
    const path = segmentPath(segmentDirectory, segment)
    let file: number | undefined
    try {
      if (files.sizeOf(path) !== undefined) file = files.openRead(path)
      for (const [blobId, row] of blobs) {
        const whole = file !== undefined && (await isWhole(files, file, blobId, row))
        if (whole) verifiedBytes += frameBytesOf(row)
        else if (isStillThere(environment, blobId, row)) {
          facts.problems.push(
            `Message octets at ${segment}:${row.offset} (blob ${blobId}) are damaged or missing`,
          )
        }
        await nextTurn()
        mayGoOn()
      }
    } finally {
      if (file !== undefined) files.close(file)
    }
  }
  return verifiedBytes
}

/** False for what was deleted or moved while the check went on. */
const isStillThere = (environment: Environment, blobId: number, row: BlobRow): boolean => {
  const now = readBlobRow(new Snapshot(environment), blobId)
  return now !== undefined && now.segment === row.segment && now.offset === row.offset
}

const bySegment = (blobs: ReadonlyMap<number, BlobRow>): Map<number, [number, BlobRow][]> => {
  const segments = new Map<number, [number, BlobRow][]>()
  for (const entry of blobs) {
    const list = segments.get(entry[1].segment) ?? []
    list.push(entry)
    segments.set(entry[1].segment, list)
  }
  return segments
}
