import { octetsOf } from '@posthorn/mail'
import { keyAfter, keyOfTable, tables } from '../kv/keys.ts'
import type { Reader } from '../kv/unit.ts'
import { readBlobRow } from '../rows/blob-row.ts'
import { chunkRows, decodeChunk } from '../rows/chunk.ts'
import { readMailboxFacts, readMailboxState } from '../rows/mailbox-row.ts'
import { readMessageRow } from '../rows/message-row.ts'
import type { FrameToFold } from './fold-frames.ts'
import type { TextShelf } from './text-shelf.ts'

/** One task of the thread. */
const maxFrames = 64
const maxOctets = 4 * 1024 * 1024
/** Messages looked at in one turn. */
const maxLooked = 2_000

export interface FramesToFold {
  readonly account: number
  readonly frames: readonly FrameToFold[]
  /** Everything below is covered once these are made. */
  readonly nextUid: number
}

/** The next messages of a mailbox without text, from `fromUid` on; undefined when there are no more. */
export const framesToFold = (
  reader: Reader,
  shelf: TextShelf,
  mailbox: number,
  fromUid: number,
): FramesToFold | undefined => {
  const facts = readMailboxFacts(reader, mailbox)
  const state = readMailboxState(reader, mailbox)
  if (facts === undefined || state === undefined || state.uidNext <= fromUid) return undefined
  const kept = shelf.of(facts.account)
  const frames: FrameToFold[] = []
  let octets = 0
  let looked = 0
  for (const { chunk, bytes } of chunkRows(reader, mailbox, fromUid, state.uidNext - 1)) {
    for (const { uid, messageId, blobId, sizeBytes } of decodeChunk(chunk, bytes)) {
      if (uid < fromUid) continue
      if (frames.length >= maxFrames || octets >= maxOctets || looked >= maxLooked) {
        return { account: facts.account, frames, nextUid: uid }
      }
      looked++
      if (kept?.has(messageId, blobId, sizeBytes)) continue
      const row = readBlobRow(reader, blobId)
      const message = readMessageRow(reader, messageId)
      if (row === undefined || message === undefined) continue
      const { segment, offset } = row
      const prefix = octetsOf(message.prefix)
      frames.push({ messageId, blobId, sizeBytes, segment, offset, prefix })
      octets += sizeBytes
    }
  }
  return { account: facts.account, frames, nextUid: state.uidNext }
}

export function* everyMailbox(
  reader: Reader,
): Generator<{ readonly mailbox: number; readonly account: number; readonly uidNext: number }> {
  const start = keyOfTable(tables.mailboxByName)
  for (const { key, value } of reader.range({ start, end: keyAfter(start) })) {
    const mailbox = value.readUInt32BE(0)
    const uidNext = readMailboxState(reader, mailbox)?.uidNext ?? 1
    yield { mailbox, account: key.readUInt32BE(1), uidNext }
  }
}
