import {
  type Acceptance,
  type AcceptedRecipient,
  type DeliveryNote,
  type Flags,
  type NewRecipient,
  type Placed,
  StoreError,
} from '../contract.ts'
import type { Engine } from '../engine.ts'
import type { Environment } from '../kv/environment.ts'
import { Snapshot, type Unit } from '../kv/unit.ts'
import { bindFlags } from '../messages/keywords.ts'
import { addMessages, openMailbox, placedOf } from '../messages/place.ts'
import type { StagedWithFacts } from '../messages/placing.ts'
import { readAccount } from '../rows/account-row.ts'
import { referToBlob } from '../rows/blob-row.ts'
import { findMailboxId } from '../rows/mailbox-row.ts'
import { createUnreferringMessage } from '../rows/message-row.ts'
import {
  createEntry,
  readEntry,
  type StoredEntry,
  type StoredRecipient,
  writeNewRecipient,
} from '../rows/queue-row.ts'
import { exceedsQuota } from '../rows/usage-row.ts'
import type { DeliveryFacts } from '../segments/frame.ts'
import { NewDues } from './due-index.ts'

/** When a recipient whose mailbox was full is tried again (Postfix: minimal_backoff_time). */
const retryAfterMs = 300_000
const noFlags: Flags = { system: 0, keywords: [] }

/** Transport of a local recipient that had to wait. */
export const localTransport = 'local'

/** What deliveries need of the store. */
export type AcceptPlace = Pick<Engine, 'environment' | 'now' | 'defaultQuotaBytes' | 'defaultQuotaMessages'>

/** A message with what its frame tells, should the index be made anew. */
export const stagedOf = (engine: AcceptPlace, acceptance: Acceptance): StagedWithFacts => ({
  message: acceptance.message,
  facts: factsOf(engine, acceptance),
})

export const factsOf = (engine: AcceptPlace, { entry }: Acceptance): DeliveryFacts => {
  return {
    kind: 'accept',
    queueId: entry.queueId,
    sender: entry.sender,
    options: entry.options,
    recipients: entry.recipients.map(({ address, route }) => {
      const prefix = route.prefix && Buffer.from(route.prefix).toString('base64')
      const trace = prefix === undefined ? {} : { prefix }
      if (route.kind === 'queued')
        return { address, transport: route.transport, nextHop: route.nextHop, ...trace }
      const account = addressOf(engine, route.account)
      return { address, ...(account !== undefined && { account }), mailbox: route.mailbox, ...trace }
    }),
  }
}

/** An address changes rarely, and only a rebuild asks for it. */
const addressMaxAgeMs = 1_000
const maxAddresses = 10_000
interface KnownAddresses {
  readonly sinceMs: number
  readonly byAccount: Map<number, string | undefined>
}
const addresses = new WeakMap<Environment, KnownAddresses>()

const addressOf = ({ environment, now }: AcceptPlace, account: number): string | undefined => {
  const nowMs = now()
  let known = addresses.get(environment)
  const age = known === undefined ? addressMaxAgeMs : Math.abs(nowMs - known.sinceMs)
  if (known === undefined || age >= addressMaxAgeMs || known.byAccount.size >= maxAddresses) {
    known = { sinceMs: nowMs, byAccount: new Map() }
    addresses.set(environment, known)
  }
  let address = known.byAccount.get(account)
  if (address === undefined) {
    address = readAccount(new Snapshot(environment), account)?.address
    known.byAccount.set(account, address)
  }
  return address
}

export interface MailboxRoute {
  readonly account: number
  readonly mailbox: string
  readonly prefix: Uint8Array
  readonly flags?: Flags
}

/** What is to be delivered. */
export interface DeliveredBlob {
  readonly id: number
  readonly sizeBytes: number
  readonly receivedMs: number
  /** See `StagedMessage`. */
  readonly missingOctets: number
}

/** Places one message into a mailbox: a note says why it could not be. The caller refers to the blob of what was placed. */
export const deliver = (
  engine: AcceptPlace,
  unit: Unit,
  blob: DeliveredBlob,
  route: MailboxRoute,
): Placed | DeliveryNote => {
  const nowMs = engine.now()
  const note = (status: string, diagnostic: string): DeliveryNote => ({
    status,
    diagnostic,
    remoteMta: 'local',
    atMs: nowMs,
  })
  const account = readAccount(unit, route.account)
  if (account === undefined) return note('4.2.1', 'The account does not exist')
  const mailboxId =
    findMailboxId(unit, route.account, route.mailbox) ?? findMailboxId(unit, route.account, 'INBOX')
  if (mailboxId === undefined) return note('4.2.0', 'The account has no INBOX')
  let mailbox = openMailbox(unit, mailboxId)
  if (!mailbox.facts.selectable) {
    const inbox = findMailboxId(unit, route.account, 'INBOX')
    if (inbox === undefined) return note('4.2.0', 'The account has no INBOX')
    mailbox = openMailbox(unit, inbox)
  }
  const sizeBytes = route.prefix.length + blob.sizeBytes
  if (exceedsQuota(unit, account, { sizeBytes, messages: 1 }, engine)) {
    return note('4.2.2', 'mailbox is full')
  }
  const words = bindFlags(unit, mailbox.id, route.flags ?? noFlags)
  const messageId = createUnreferringMessage(unit, blob.id, octetsOf(route.prefix))
  const placements = addMessages(unit, mailbox, [
    {
      ...words,
      messageId,
      blobId: blob.id,
      sizeBytes,
      internalDateMs: Math.trunc(blob.receivedMs),
      saveDateMs: Math.trunc(nowMs),
      missingOctets: blob.missingOctets,
    },
  ])
  return placedOf(mailbox, placements[0] as (typeof placements)[0])
}

export const isPlaced = (outcome: Placed | DeliveryNote): outcome is Placed => 'uid' in outcome

/** Places local recipients and queues the others, all in the unit given; `take` gets those that it may claim. */
export const acceptIn = (
  engine: AcceptPlace,
  unit: Unit,
  { message, entry }: Acceptance,
  blobId: number,
  take?: TakeQueued,
): AcceptedRecipient[] => {
  if (readEntry(unit, entry.queueId) !== undefined) {
    throw new StoreError('in-use', `Cannot accept: queue id ${entry.queueId} is in use`)
  }
  const { sizeBytes, missingOctets } = message
  const blob = { id: blobId, sizeBytes, receivedMs: entry.arrivedMs, missingOctets }
  const waiting: { index: number; recipient: StoredRecipient }[] = []
  const accepted = entry.recipients.map((recipient, index): AcceptedRecipient => {
    const { address, route } = recipient
    if (route.kind === 'queued') {
      waiting.push({ index, recipient: storedRoute(recipient, route) })
      return { address, outcome: 'queued' }
    }
    if (entry.hold) {
      waiting.push({ index, recipient: queuedForMailbox(recipient, entry.arrivedMs) })
      return { address, outcome: 'queued' }
    }
    const tried = tryMailbox(engine, unit, blob, recipient)
    if (tried.waiting !== undefined) waiting.push({ index, recipient: tried.waiting })
    return tried.accepted
  })
  const placed = accepted.length - waiting.length
  if (waiting.length > 0) enqueue(unit, { message, entry }, blobId, { waiting, take })
  // A message for nobody leaves nothing behind.
  referToBlob(unit, blobId, placed + (waiting.length > 0 ? 1 : 0))
  return accepted
}

/** Into the mailbox, or, with a note of what was wrong, into the queue. */
export const tryMailbox = (
  engine: AcceptPlace,
  unit: Unit,
  blob: Parameters<typeof deliver>[2],
  recipient: NewRecipient,
): { readonly accepted: AcceptedRecipient; readonly waiting?: StoredRecipient } => {
  const { address, route } = recipient
  if (route.kind !== 'mailbox') throw new Error('Not for a mailbox')
  const outcome = deliver(engine, unit, blob, route)
  if (isPlaced(outcome)) return { accepted: { address, outcome: 'placed', placed: outcome } }
  const waiting = { ...queuedForMailbox(recipient, engine.now() + retryAfterMs), last: outcome }
  return { accepted: { address, outcome: 'queued', note: outcome }, waiting }
}

/** What is for a mailbox waits in the queue. */
export const queuedForMailbox = (recipient: NewRecipient, dueMs: number): StoredRecipient =>
  stored(recipient, localTransport, domainOf(recipient.address), dueMs)

const octetsOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

const domainOf = (address: string): string => address.slice(address.lastIndexOf('@') + 1).toLowerCase()

export const storedRoute = (
  recipient: NewRecipient,
  route: NewRecipient['route'] & { kind: 'queued' },
): StoredRecipient => ({
  ...stored(recipient, route.transport, route.nextHop, route.dueMs),
  ...(route.sender !== undefined && { sender: route.sender }),
  ...(route.prefix !== undefined && { prefix: Buffer.from(route.prefix).toString('base64') }),
})

const stored = (
  recipient: NewRecipient,
  transport: string,
  nextHop: string,
  dueMs: number,
): StoredRecipient => ({
  address: recipient.address,
  ...(recipient.originalRecipient !== undefined && { originalRecipient: recipient.originalRecipient }),
  ...(recipient.notify !== undefined && { notify: recipient.notify }),
  transport,
  nextHop,
  dueMs: Math.max(0, Math.trunc(dueMs)),
  attempts: 0,
  delayWarned: false,
})

/** A recipient that is being queued, free of any claim. */
export interface Waiting {
  readonly index: number
  readonly recipient: StoredRecipient
}

/** The same recipient, claimed; undefined: it waits. */
export type TakeQueued = (unit: Unit, entry: StoredEntry, waiting: Waiting) => StoredRecipient | undefined

export const enteredOf = ({ message, entry }: Acceptance, blobId: number): StoredEntry => {
  const { queueId, sender, options, origin, arrivedMs } = entry
  const { sizeBytes } = message
  return { queueId, sender, options, origin, arrivedMs, sizeBytes, hold: entry.hold === true, blobId }
}

const enqueue = (
  unit: Unit,
  { message, entry }: Acceptance,
  blobId: number,
  { waiting, take }: { readonly waiting: readonly Waiting[]; readonly take: TakeQueued | undefined },
): void => {
  const { queueId } = entry
  const stored = enteredOf({ message, entry }, blobId)
  const { hold } = stored
  createEntry(unit, stored)
  const dues = new NewDues(unit)
  let due = 0
  for (const { index, recipient } of waiting) {
    const taken = hold ? undefined : take?.(unit, stored, { index, recipient })
    writeNewRecipient(unit, queueId, index, taken ?? recipient)
    if (hold || taken !== undefined) continue
    const { transport, nextHop, dueMs } = recipient
    dues.add({ queueId, index, transport, nextHop, dueMs })
    due++
  }
  dues.settle()
  if (due > 0 || take === undefined) unit.wake({ kind: 'queue' })
}
