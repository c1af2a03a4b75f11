import { type MailboxId, type QuickMessage, type QuickReader, StoreError } from '../contract.ts'
import { type Engine, snapshotOf } from '../engine.ts'
import type { Snapshot } from '../kv/unit.ts'
import { type BlobRow, readBlobRow } from '../rows/blob-row.ts'
import { type Columns, collect } from './collect.ts'
import { prefixOf } from './prefix.ts'
import { sizesInTurns, sizesNow } from './sizes.ts'

/** Where messages are is looked up for so many at a time. */
const windowCount = 64
const oneWindow = {
  columns: 'facts',
  maxCount: windowCount,
  maxOctets: Number.POSITIVE_INFINITY,
} as const

const noPrefix = Buffer.alloc(0)

/** Messages of `uids` one after the other, without a promise: see the contract. */
export const quickReader = (engine: Engine, mailbox: MailboxId, uids: Uint32Array): QuickReader => {
  let window: Columns | undefined
  /** Of the window's messages. Should compaction move one meanwhile, another frame is found there, or none. */
  let places: (BlobRow | undefined)[] = []
  let row = 0
  /** True when `window` has the message at `row`. */
  const seek = (uid: number, index: number): boolean => {
    const found = window?.batch.uids[row + 1] === uid ? row + 1 : (window?.batch.uids.indexOf(uid) ?? -1)
    row = found
    if (found >= 0) return true
    const snapshot = snapshotOf(engine)
    const wanted = uids.subarray(0, index + windowCount)
    window = collect(snapshot, mailbox, wanted, index, oneWindow).columns
    places = Array.from(window.blobIds, (blobId) => wholePlace(snapshot, blobId))
    row = 0
    return window.batch.uids[0] === uid
  }
  const readAt = (index: number, maxBytes: number): QuickMessage | undefined => {
    const uid = uids[index]
    if (uid === undefined || !seek(uid, index) || window === undefined) return undefined
    const sizeBytes = window.sizes[row] as number
    if (sizeBytes > maxBytes) return undefined
    const blob = places[row]
    if (blob === undefined) return undefined
    const blobId = window.blobIds[row] as number
    const placed = { messageId: window.messageIds[row] as number, blobId, sizeBytes }
    const prefix = blob.bodyBytes === sizeBytes ? noPrefix : prefixOf(snapshotOf(engine), placed, blob)
    const octets = engine.blobs.readNow(blobId, blob, prefix)
    return octets && { octets, plainFrom: blob.hasPlainLines ? prefix.length : octets.length }
  }
  return {
    sizes: () => sizesNow(engine, mailbox, uids),
    sizesInTurns: () => sizesInTurns(engine, mailbox, uids),
    read(index, maxBytes) {
      try {
        return readAt(index, maxBytes)
      } catch (error) {
        // Who reads it the other way is told.
        if (error instanceof StoreError) return undefined
        throw error
      }
    },
  }
}

/** Whole, for what it says of the octets is not compared with them. undefined: it is gone or damaged. */
const wholePlace = (snapshot: Snapshot, blobId: number): BlobRow | undefined => {
  try {
    const row = readBlobRow(snapshot, blobId)
    // The summary's octets would stay in memory as long as the window.
    return row && { ...row, summary: undefined }
  } catch (error) {
    if (error instanceof StoreError) return undefined
    throw error
  }
}
