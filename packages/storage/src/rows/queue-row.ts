import type {
  DeliveryNote,
  EnvelopeOptions,
  Origin,
  QueuedRecipient,
  QueueEntry,
  QueueId,
} from '../contract.ts'
import { keyAfter, keyOf64andText, keyOfText, read64, type TableTag, tables, write64 } from '../kv/keys.ts'
import type { Reader, Unit } from '../kv/unit.ts'
import type { ProcessIdentity } from '../process-identity.ts'
import { getJson, jsonRows, jsonRowsIn, putJson, putNewJson, removeLong } from './long-value.ts'
import { entryRow, parseEntryRow, parseRecipientRow, recipientRow } from './queue-codec.ts'

/** What the store keeps of a queued message; its octets are the blob's. */
export interface StoredEntry {
  readonly queueId: string
  readonly sender: string
  readonly options: EnvelopeOptions
  readonly origin: Origin
  readonly arrivedMs: number
  readonly sizeBytes: number
  readonly hold: boolean
  readonly forcedExpiry?: true
  readonly blobId: number
}

export interface StoredRecipient {
  readonly address: string
  readonly originalRecipient?: string
  readonly notify?: readonly ('NEVER' | 'SUCCESS' | 'FAILURE' | 'DELAY')[]
  readonly transport: string
  readonly nextHop: string
  readonly sender?: string
  /** Base64. */
  readonly prefix?: string
  readonly dueMs: number
  /** Claims since the last settlement. */
  readonly attempts: number
  /** Deliveries since the last settlement that were noted when they began. */
  readonly begun?: number
  readonly delayWarned: boolean
  readonly last?: DeliveryNote
  /** Present while claimed. */
  readonly lease?: {
    readonly owner: string
    readonly untilMs: number
    /** The same by the steady clock of the process's boot. */
    readonly steadyUntilMs?: number
    /** The process that claimed it. */
    readonly process?: Pick<ProcessIdentity, 'pid' | 'startTicks' | 'boot'>
    /** One of `begun` is of this claim. */
    readonly begun?: true
  }
}

const maxQueueIdBytes = 64

const entryKey = (queueId: string): Buffer => keyOfText(tables.queueEntry, queueId.slice(0, maxQueueIdBytes))
const arrivalKey = (arrivedMs: number, queueId: string): Buffer =>
  keyOf64andText(tables.queueArrival, Math.max(0, Math.trunc(arrivedMs)), queueId)

/** [tag, …head, queue id, 0, index]: the tail of every key that names a recipient. */
export const recipientTail = (tag: TableTag, head: Buffer, queueId: string, index: number): Buffer => {
  const idBytes = Buffer.byteLength(queueId)
  const key = Buffer.allocUnsafe(1 + head.length + idBytes + 5)
  key[0] = tag
  let at = 1 + head.copy(key, 1)
  at += key.write(queueId, at)
  key[at] = 0
  key.writeUInt32BE(index, at + 1)
  return key
}

export const parseRecipientTail = (key: Buffer, headBytes: number): { queueId: string; index: number } => ({
  queueId: key.toString('utf8', 1 + headBytes, key.length - 5),
  index: key.readUInt32BE(key.length - 4),
})

const noHead = Buffer.alloc(0)
const recipientKey = (queueId: string, index: number): Buffer =>
  recipientTail(tables.queueRecipient, noHead, queueId, index)

export const readEntry = (reader: Reader, queueId: string): StoredEntry | undefined => {
  const row = getJson(reader, entryKey(queueId))
  return row === undefined ? undefined : parseEntryRow(queueId, row)
}

/** Every entry, in the order of their keys. */
export function* entryRows(reader: Reader): Generator<{ key: Buffer; entry: StoredEntry }> {
  for (const { key, value } of jsonRows(reader, Buffer.from([tables.queueEntry])))
    yield { key, entry: parseEntryRow(key.toString('utf8', 1), value) }
}

export const writeEntry = (unit: Unit, entry: StoredEntry): void => {
  putJson(unit, entryKey(entry.queueId), entryRow(entry))
}

export const createEntry = (unit: Unit, entry: StoredEntry): void => {
  writeEntry(unit, entry)
  writeArrival(unit, entry)
  addToCount(unit, 1)
}

export const writeArrival = (unit: Unit, { arrivedMs, queueId }: StoredEntry): void =>
  unit.put(arrivalKey(arrivedMs, queueId), Buffer.from([1]))

export const removeEntry = (unit: Unit, entry: StoredEntry): void => {
  removeUncounted(unit, entry)
  addToCount(unit, -1)
}

/** As `removeEntry`, for a caller that counts how many go. */
export const removeUncounted = (unit: Unit, entry: StoredEntry): void => {
  removeLong(unit, entryKey(entry.queueId))
  unit.remove(arrivalKey(entry.arrivedMs, entry.queueId))
}

/** Queue ids in the order of arrival, from behind a known place. */
export function* idsByArrival(
  reader: Reader,
  after?: { readonly arrivedMs: number; readonly queueId: string },
): Generator<{ queueId: string; arrivedMs: number }> {
  const start = after
    ? keyAfter(Buffer.concat([arrivalKey(after.arrivedMs, after.queueId), Buffer.from([0])]))
    : undefined
  const prefix = Buffer.from([tables.queueArrival])
  for (const { key } of reader.range({ start: start ?? prefix, end: keyAfter(prefix) })) {
    yield arrivalOfKey(key)
  }
}

export const arrivalOfKey = (key: Buffer): { queueId: string; arrivedMs: number } => ({
  queueId: key.toString('utf8', 9),
  arrivedMs: read64(key, 1),
})

export const readRecipient = (
  reader: Reader,
  queueId: string,
  index: number,
): StoredRecipient | undefined => {
  const row = getJson(reader, recipientKey(queueId, index))
  return row === undefined ? undefined : parseRecipientRow(row)
}

export const writeRecipient = (
  unit: Unit,
  queueId: string,
  index: number,
  recipient: StoredRecipient,
): void => putJson(unit, recipientKey(queueId, index), recipientRow(recipient))

/** Of an entry that is being made: nothing is looked for. */
export const writeNewRecipient = (
  unit: Unit,
  queueId: string,
  index: number,
  recipient: StoredRecipient,
): void => putNewJson(unit, recipientKey(queueId, index), recipientRow(recipient))

export const removeRecipient = (unit: Unit, queueId: string, index: number): void =>
  removeLong(unit, recipientKey(queueId, index))

/**
 * @param limit the first so many
 * @param from the first index
 */
export const recipientsOf = (
  reader: Reader,
  queueId: string,
  limit?: number,
  from = 0,
): { index: number; recipient: StoredRecipient }[] => {
  const prefix = Buffer.concat([Buffer.from([tables.queueRecipient]), Buffer.from(queueId), Buffer.from([0])])
  const start = from === 0 ? prefix : recipientKey(queueId, from)
  const range = { start, end: keyAfter(prefix), ...(limit !== undefined && { limit }) }
  return Array.from(jsonRowsIn(reader, range), ({ key, value }) => ({
    index: key.readUInt32BE(key.length - 4),
    recipient: parseRecipientRow(value),
  }))
}

/**
 * Recipients of many entries, read in one go where their rows lie close together; undefined: they do not, or are too many.
 * `queueIds` in the order of keys.
 */
export const recipientsOfAll = (
  reader: Reader,
  queueIds: readonly string[],
): Map<string, { index: number; recipient: StoredRecipient }[]> | undefined => {
  const all = new Map(queueIds.map((id) => [id, [] as { index: number; recipient: StoredRecipient }[]]))
  const prefixOf = (id = ''): Buffer =>
    Buffer.concat([Buffer.from([tables.queueRecipient]), Buffer.from(id), Buffer.from([0])])
  const range = { start: prefixOf(queueIds[0]), end: keyAfter(prefixOf(queueIds.at(-1))) }
  let left = 100 + 4 * queueIds.length
  for (const { key, value } of jsonRowsIn(reader, range)) {
    if (--left < 0) return undefined
    const { queueId, index } = parseRecipientTail(key, 0)
    all.get(queueId)?.push({ index, recipient: parseRecipientRow(value) })
  }
  return all
}

export const hasRecipients = (reader: Reader, queueId: string): boolean => {
  const start = Buffer.concat([Buffer.from([tables.queueRecipient]), Buffer.from(queueId), Buffer.from([0])])
  for (const _ of reader.range({ start, end: keyAfter(start), limit: 1 })) return true
  return false
}

const countKey = keyOfText(tables.meta, 'queue-count')

export const readCount = (reader: Reader): number => {
  const row = reader.get(countKey)
  return row ? read64(row, 0) : 0
}

export const writeCount = (unit: Unit, count: number): void => {
  const row = Buffer.allocUnsafe(8)
  write64(row, count, 0)
  unit.put(countKey, row)
}

export const addToCount = (unit: Unit, by: number): void =>
  writeCount(unit, Math.max(0, readCount(unit) + by))

export const toQueuedRecipient = (index: number, recipient: StoredRecipient): QueuedRecipient => {
  const { lease, prefix, ...rest } = recipient
  const state = lease ? 'claimed' : 'queued'
  return { ...rest, ...(prefix !== undefined && { prefix: Buffer.from(prefix, 'base64') }), index, state }
}

export const toQueueEntry = (
  entry: StoredEntry,
  recipients: readonly { readonly index: number; readonly recipient: StoredRecipient }[],
): QueueEntry => ({
  queueId: entry.queueId as QueueId,
  sender: entry.sender,
  options: entry.options,
  origin: entry.origin,
  arrivedMs: entry.arrivedMs,
  sizeBytes: entry.sizeBytes,
  hold: entry.hold,
  ...(entry.forcedExpiry === true ? { forcedExpiry: true as const } : {}),
  recipients: recipients.map(({ index, recipient }) => toQueuedRecipient(index, recipient)),
})
