import type { DeliveryNote, EnvelopeOptions, Origin } from '../contract.ts'
import type { StoredEntry, StoredRecipient } from './queue-row.ts'

/**
 * Rows of the queue as short JSON: lists instead of named fields, for a queue of 100,000 messages is read and written
 * as a whole when its destination is dead. Rows of before are objects with the names of the fields.
 */
type EntryRow = readonly [
  blobId: number,
  arrivedMs: number,
  sizeBytes: number,
  /** 1: on hold, 2: to be returned. */
  marks: number,
  sender: string,
  /** More: method and name of the login, port, first queue ID, `local` or `remote`. */
  client: readonly [name: string, address: string, helo: string, protocol: string, ...more: string[]],
  options?: EnvelopeOptions,
]

type NoteRow = readonly [status: string, diagnostic: string, remoteMta: string, atMs: number]

type RecipientRow = readonly [
  address: string,
  transport: string,
  nextHop: string,
  dueMs: number,
  attempts: number,
  /** 1: the sender was warned. */
  marks: number,
  note: NoteRow | 0,
  lease: NonNullable<StoredRecipient['lease']> | 0,
  rare?: Pick<StoredRecipient, 'originalRecipient' | 'notify' | 'sender' | 'prefix' | 'begun'>,
]

const isEmpty = (fields: object): boolean => {
  for (const _ in fields) return false
  return true
}

/** Up to the last that is there. */
const moreOf = ({ saslMethod = '', saslUsername = '', clientPort, ident = '', source }: Origin): string[] => {
  const more = [
    saslMethod,
    saslUsername,
    clientPort === undefined ? '' : String(clientPort),
    ident,
    source ?? '',
  ]
  while (more.at(-1) === '') more.pop()
  return more
}

/** The queue id is the row's key. */
export const entryRow = (entry: StoredEntry): EntryRow => {
  const { blobId, arrivedMs, sizeBytes, sender, origin, options } = entry
  const { clientName, clientAddress, helo, protocol } = origin
  const marks = (entry.hold ? 1 : 0) + (entry.forcedExpiry === true ? 2 : 0)
  const client: EntryRow[5] = [clientName, clientAddress, helo, protocol, ...moreOf(origin)]
  return isEmpty(options)
    ? [blobId, arrivedMs, sizeBytes, marks, sender, client]
    : [blobId, arrivedMs, sizeBytes, marks, sender, client, options]
}

export const parseEntryRow = (queueId: string, row: unknown): StoredEntry => {
  if (!Array.isArray(row)) return row as StoredEntry
  const [blobId, arrivedMs, sizeBytes, marks, sender, client, options = {}] = row as unknown as EntryRow
  const [clientName, clientAddress, helo, protocol, ...more] = client
  const [saslMethod = '', saslUsername = '', port = '', ident = '', source = ''] = more
  return {
    queueId,
    sender,
    options,
    origin: {
      clientName,
      clientAddress,
      helo,
      protocol,
      ...(saslMethod === '' ? {} : { saslMethod }),
      ...(saslUsername === '' ? {} : { saslUsername }),
      ...(port === '' ? {} : { clientPort: Number(port) }),
      ...(ident === '' ? {} : { ident }),
      ...(source === 'local' || source === 'remote' ? { source } : {}),
    },
    arrivedMs,
    sizeBytes,
    hold: (marks & 1) !== 0,
    ...((marks & 2) === 0 ? {} : { forcedExpiry: true as const }),
    blobId,
  }
}

const noteRow = ({ status, diagnostic, remoteMta, atMs }: DeliveryNote): NoteRow => [
  status,
  diagnostic,
  remoteMta,
  atMs,
]

export const recipientRow = (recipient: StoredRecipient): RecipientRow => {
  const { address, transport, nextHop, dueMs, attempts, delayWarned, last, lease, ...rare } = recipient
  const note = last === undefined ? 0 : noteRow(last)
  const marks = delayWarned ? 1 : 0
  return isEmpty(rare)
    ? [address, transport, nextHop, dueMs, attempts, marks, note, lease ?? 0]
    : [address, transport, nextHop, dueMs, attempts, marks, note, lease ?? 0, rare]
}

export const parseRecipientRow = (row: unknown): StoredRecipient => {
  if (!Array.isArray(row)) return row as StoredRecipient
  const [address, transport, nextHop, dueMs, attempts, marks, note, lease, rare] =
    row as unknown as RecipientRow
  return {
    address,
    ...rare,
    transport,
    nextHop,
    dueMs,
    attempts,
    delayWarned: (marks & 1) !== 0,
    ...(note === 0 ? {} : { last: noteOf(note) }),
    ...(lease === 0 ? {} : { lease }),
  }
}

const noteOf = ([status, diagnostic, remoteMta, atMs]: NoteRow): DeliveryNote => ({
  status,
  diagnostic,
  remoteMta,
  atMs,
})
