import { octetsOf } from '@posthorn/mail'
import type { Snapshot } from '../kv/unit.ts'
import type { ListingIndex } from '../listings/listing-index.ts'
import { readBlobPlace } from '../rows/blob-row.ts'
import { chunkRows, decodeChunk } from '../rows/chunk.ts'
import { readMailboxState } from '../rows/mailbox-row.ts'
import { readMessageRow } from '../rows/message-row.ts'
import type { FrameToFold } from './fold-frames.ts'
import type { TextGeneration } from './text-generation.ts'

/** One task of the thread while mail comes in; of listings more, which are made from summaries alone. */
const maxFrames = 64
/** Else: between two tasks the thread waits for the event loop, which may be busy with a search. */
const maxFramesAtRest = 256
const maxOctets = 4 * 1024 * 1024
/** Messages looked at in one turn. */
const maxLooked = 2_000

export interface FramesToFold {
  readonly frames: readonly FrameToFold[]
  /** Everything below is covered once these are made. */
  readonly nextUid: number
  /** There is nothing behind them. */
  readonly isLast: boolean
}

/** What an account has by now. */
export interface Kept {
  readonly texts: TextGeneration | undefined | 'not made'
  /** 'not made': nobody asks for them, now. */
  readonly listings: ListingIndex | undefined | 'not made'
}

/** Whether mail comes in just now. */
export type Traffic = 'mail' | 'rest'

/** The next messages of a mailbox that lack something, from `fromUid` on; undefined when there are no more. */
export const framesToFold = (
  reader: Snapshot,
  kept: Kept,
  mailbox: number,
  fromUid: number,
  traffic: Traffic = 'rest',
): FramesToFold | undefined => {
  const state = readMailboxState(reader, mailbox)
  if (state === undefined || state.uidNext <= fromUid) return undefined
  const lacking = new Lacking(kept)
  const isShort = traffic === 'mail' && kept.texts !== 'not made'
  const mostFrames = isShort ? maxFrames : maxFramesAtRest
  const frames: FrameToFold[] = []
  let octets = 0
  let looked = 0
  for (const { chunk, bytes } of chunkRows(reader, mailbox, fromUid, state.uidNext - 1)) {
    for (const { uid, messageId, blobId, sizeBytes } of decodeChunk(chunk, bytes)) {
      if (uid < fromUid) continue
      if (frames.length >= mostFrames || octets >= maxOctets || looked >= maxLooked) {
        return { frames, nextUid: uid, isLast: false }
      }
      looked++
      const makes = lacking.of(messageId, blobId, sizeBytes)
      if (makes === undefined) continue
      // The frame itself says whether it is the one.
      const row = readBlobPlace(reader, blobId)
      const message = readMessageRow(reader, messageId)
      if (row === undefined || message === undefined) continue
      const { segment, offset } = row
      const prefix = octetsOf(message.prefix)
      frames.push({ makes, messageId, blobId, sizeBytes, segment, offset, prefix })
      if (makes !== 'listing') octets += sizeBytes
    }
  }
  return { frames, nextUid: state.uidNext, isLast: true }
}

class Lacking {
  readonly #kept: Kept
  #guess = 0

  constructor(kept: Kept) {
    this.#kept = kept
  }

  of(messageId: number, blobId: number, sizeBytes: number): FrameToFold['makes'] | undefined {
    const { texts } = this.#kept
    const hasText = texts === 'not made' || (texts?.has(messageId, blobId, sizeBytes) ?? false)
    const hasListing = this.#isListed(messageId, blobId, sizeBytes)
    if (hasText && hasListing) return undefined
    return hasListing ? 'text' : hasText ? 'listing' : 'both'
  }

  #isListed(messageId: number, blobId: number, sizeBytes: number): boolean {
    const { listings } = this.#kept
    if (listings === 'not made') return true
    const row = listings?.find(messageId, blobId, sizeBytes, this.#guess) ?? -1
    if (row >= 0) this.#guess = row + 1
    return row >= 0
  }
}
