import { type MessageBatch, StoreError } from '../contract.ts'
import type { Engine } from '../engine.ts'
import type { Snapshot } from '../kv/unit.ts'
import { BlobPlaces } from '../rows/blob-row.ts'
import { readMessageRow } from '../rows/message-row.ts'
import type { Columns } from './collect.ts'
import type { WantedTogether } from './octets-together.ts'
import type { Allocate } from './read-memory.ts'

/**
 * Whole messages without an object for each. undefined: they are to be read one by one, if only to learn what is wrong
 * with them.
 */
export const batchTogether = async (
  engine: Engine,
  snapshot: Snapshot,
  columns: Columns,
  maxBytes: number,
  allocate: Allocate,
): Promise<MessageBatch | undefined> => {
  if (columns.sizes.some((sizeBytes) => sizeBytes > maxBytes)) return undefined
  const wanted = placesOf(snapshot, columns)
  const together = wanted && (await engine.blobs.readTogether(wanted, allocate))
  return together && { ...columns.batch, together, noNul: wanted.places.noNul }
}

const placesOf = (
  snapshot: Snapshot,
  { blobIds, messageIds, sizes }: Columns,
): WantedTogether | undefined => {
  const places = new BlobPlaces(blobIds.length)
  const prefixes: (Buffer | undefined)[] = []
  for (let row = 0; row < blobIds.length; row++) {
    const blobId = blobIds[row] as number
    if (places.read(snapshot, blobId, row) === 'unknown') return undefined
    const prefixBytes = (sizes[row] as number) - (places.bodyBytes[row] as number)
    if (prefixBytes === 0) continue
    const prefix = prefixIn(snapshot, messageIds[row] as number, blobId)
    if (prefix?.length !== prefixBytes) return undefined
    prefixes[row] = prefix
  }
  return { blobIds, places, prefixes }
}

const prefixIn = (snapshot: Snapshot, messageId: number, blobId: number): Buffer | undefined => {
  try {
    const row = readMessageRow(snapshot, messageId)
    return row?.blobId === blobId ? row.prefix : undefined
  } catch (error) {
    if (error instanceof StoreError) return undefined
    throw error
  }
}
