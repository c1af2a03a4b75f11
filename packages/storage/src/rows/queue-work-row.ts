import { keyOfTable, keyOfText, tables } from '../kv/keys.ts'
import type { Reader, Unit } from '../kv/unit.ts'
import { getJson, jsonRows, putJson, removeLong } from './long-value.ts'

/** Recipients of a message that is not accepted yet: it has no entry, and nobody sees them. */
export interface Accepting {
  readonly kind: 'accepting'
  /** Token of the process that accepts it. */
  readonly owner: number
  /** It has a reference, which the entry takes over. */
  readonly blobId: number
}

/** Recipients from this index on are still to be where the entry says: among the due, or, held, not. */
export interface Ordering {
  readonly kind: 'ordering'
  readonly from: number
  /** Whoever would wait longer is due then. */
  readonly nowMs?: number
  /** Their next hops are tried again, whatever is remembered of them. */
  readonly flushed?: true
}

/** Work on a message with very many recipients that takes more than one unit. */
export type QueueWork = Accepting | Ordering

const workKey = (queueId: string): Buffer => keyOfText(tables.queueWork, queueId)

export const readQueueWork = (reader: Reader, queueId: string): QueueWork | undefined =>
  getJson(reader, workKey(queueId)) as QueueWork | undefined

export const writeQueueWork = (unit: Unit, queueId: string, work: QueueWork): void =>
  putJson(unit, workKey(queueId), work)

export const removeQueueWork = (unit: Unit, queueId: string): void => removeLong(unit, workKey(queueId))

export function* queueWorkRows(reader: Reader): Generator<{ queueId: string; work: QueueWork }> {
  for (const { key, value } of jsonRows(reader, keyOfTable(tables.queueWork)))
    yield { queueId: key.toString('utf8', 1), work: value as QueueWork }
}
