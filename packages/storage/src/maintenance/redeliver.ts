import type { AccountId, NewRecipient, QueueId, StagedMessage } from '../contract.ts'
import type { Environment } from '../kv/environment.ts'
import type { GroupCommit } from '../kv/group-commit.ts'
import type { Reader, Unit } from '../kv/unit.ts'
import { bindFlags } from '../messages/keywords.ts'
import { addMessages, openMailbox } from '../messages/place.ts'
import { type AcceptPlace, acceptIn } from '../queue/accept.ts'
import { findAccountId } from '../rows/account-row.ts'
import { referToBlob } from '../rows/blob-row.ts'
import { findMailboxId } from '../rows/mailbox-row.ts'
import { createMessage } from '../rows/message-row.ts'
import { readEntry } from '../rows/queue-row.ts'
import type { DeliveryFacts } from '../segments/frame.ts'
import { enterFrame } from './derive-rows.ts'
import type { FoundSegments, KnownFrame } from './find-frames.ts'

export interface Redelivery {
  readonly found: FoundSegments
  readonly marks: ReadonlyMap<number, number>
  readonly referenced: ReadonlySet<number>
  readonly nowMs: number
}

/**
 * Messages that came in during the last second before the index was lost: their frames are behind the
 * journal's mark and nothing names them. They go where their frame says. Returns how many.
 */
export const redeliver = async (
  environment: Environment,
  commit: GroupCommit,
  { found, marks, referenced, nowMs }: Redelivery,
): Promise<number> => {
  let count = 0
  for (const [blobId, frame] of found.frames) {
    const settled = frame.offset < (marks.get(frame.segment) ?? 0)
    if (settled || referenced.has(blobId) || frame.header.kind === 'moved' || !frame.facts) continue
    const { facts } = frame
    const place = { now: () => nowMs, defaultQuotaBytes: 0, defaultQuotaMessages: 0, environment }
    if (await commit.run((unit) => deliverFrame(place, unit, frame, facts))) count++
  }
  return count
}

const deliverFrame = (place: AcceptPlace, unit: Unit, frame: KnownFrame, facts: DeliveryFacts): boolean => {
  enterFrame(unit, frame, 0)
  const { blobId } = frame.header
  const done =
    facts.kind === 'append' ? appendAgain(place, unit, frame, facts) : acceptAgain(place, unit, frame, facts)
  if (!done) referToBlob(unit, blobId, 0)
  return done
}

const inboxOf = (reader: Reader, account: AccountId, mailbox: string): number | undefined =>
  findMailboxId(reader, account, mailbox) ?? findMailboxId(reader, account, 'INBOX')

const appendAgain = (
  place: AcceptPlace,
  unit: Unit,
  { header }: KnownFrame,
  facts: DeliveryFacts & { kind: 'append' },
): boolean => {
  const account = findAccountId(unit, facts.account)
  const mailboxId = account === undefined ? undefined : inboxOf(unit, account, facts.mailbox)
  if (mailboxId === undefined) return false
  addMessages(unit, openMailbox(unit, mailboxId), [
    {
      ...bindFlags(unit, mailboxId, facts.flags),
      messageId: createMessage(unit, header.blobId, Buffer.alloc(0)),
      blobId: header.blobId,
      sizeBytes: header.bodyBytes,
      internalDateMs: Math.trunc(facts.internalDateMs),
      saveDateMs: Math.trunc(place.now()),
    },
  ])
  return true
}

const acceptAgain = (
  place: AcceptPlace,
  unit: Unit,
  { header }: KnownFrame,
  facts: DeliveryFacts & { kind: 'accept' },
): boolean => {
  const recipients = facts.recipients
    .map((recipient) => recipientAgain(unit, recipient, header.receivedMs))
    .filter((recipient) => recipient !== undefined)
  if (recipients.length === 0 || readEntry(unit, facts.queueId)) return false
  const message: StagedMessage = {
    sizeBytes: header.bodyBytes,
    summary: new Uint8Array(),
    octets: () => undefined,
    abort: async () => {},
  }
  const entry = {
    queueId: facts.queueId as QueueId,
    sender: facts.sender,
    recipients,
    options: facts.options ?? {},
    origin: { clientName: 'rebuild', clientAddress: '', helo: '', protocol: '' },
    arrivedMs: Math.trunc(header.receivedMs),
  }
  acceptIn(place, unit, { message, entry }, header.blobId)
  return true
}

const recipientAgain = (
  reader: Reader,
  {
    address,
    account,
    mailbox,
    prefix,
    transport,
    nextHop,
  }: (DeliveryFacts & { kind: 'accept' })['recipients'][number],
  receivedMs: number,
): NewRecipient | undefined => {
  const octets = Buffer.from(prefix ?? '', 'base64')
  if (transport !== undefined) {
    return {
      address,
      route: { kind: 'queued', transport, nextHop: nextHop ?? '', dueMs: receivedMs, prefix: octets },
    }
  }
  const id = account === undefined ? undefined : findAccountId(reader, account)
  if (id === undefined) return undefined
  return { address, route: { kind: 'mailbox', account: id, mailbox: mailbox ?? 'INBOX', prefix: octets } }
}
