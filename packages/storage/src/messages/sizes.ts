import { LineEnds } from '@posthorn/mail'
import type { MailboxId, MessageSizes } from '../contract.ts'
import { type Engine, snapshotOf } from '../engine.ts'
import { unsigned16, unsigned48 } from '../kv/numbers.ts'
import { readBlobRow } from '../rows/blob-row.ts'
import { at, chunkHeadBytes, chunkRows, manyOctets, placementBytes } from '../rows/chunk.ts'
import { workTurns } from '../work-turns.ts'
import { readMessage } from './fetch.ts'

/** So many rows take a millisecond or two. */
const sliceCount = 4_096
const pieceBytes = 262_144
/** Counted before, by blob: what is kept of those that a placement has no room for. */
const keptCount = 16_384
const kept = new WeakMap<Engine, Map<number, number>>()

/** Sizes of a mailbox's messages, as the rows have them. */
interface Sizes {
  readonly stored: Float64Array
  /** Made when the first message is sent otherwise than it is stored. */
  sent: Float64Array | undefined
  /** To be counted: index among the UIDs, and blob. */
  readonly uncounted: { readonly index: number; readonly blobId: number }[]
}

const emptySizes = (length: number): Sizes => ({
  stored: new Float64Array(length),
  sent: undefined,
  uncounted: [],
})

/** undefined: messages are to be read for that. Throws 'corrupt'. */
export const sizesNow = (engine: Engine, mailbox: MailboxId, uids: Uint32Array): MessageSizes | undefined => {
  const sizes = emptySizes(uids.length)
  look(engine, mailbox, uids, 0, uids.length, sizes)
  return sizes.uncounted.length > 0 ? undefined : { stored: sizes.stored, sent: sizes.sent ?? sizes.stored }
}

/** Throws 'corrupt'. */
export const sizesInTurns = async (
  engine: Engine,
  mailbox: MailboxId,
  uids: Uint32Array,
): Promise<MessageSizes> => {
  const sizes = emptySizes(uids.length)
  for (let from = 0; from < uids.length; from += sliceCount) {
    if (workTurns.isOver) await workTurns.next()
    look(engine, mailbox, uids, from, Math.min(uids.length, from + sliceCount), sizes)
  }
  for (const { index, blobId } of sizes.uncounted) {
    if (workTurns.isOver) await workTurns.next()
    const octets = await missingOctets(engine, mailbox, uids[index] as number, blobId)
    if (octets > 0) addTo(sizes, index, octets)
  }
  return { stored: sizes.stored, sent: sizes.sent ?? sizes.stored }
}

/** One pass over rows of the mailbox that looks at nothing else. */
const look = (
  engine: Engine,
  mailbox: MailboxId,
  uids: Uint32Array,
  from: number,
  end: number,
  sizes: Sizes,
): void => {
  let next = from
  for (const { chunk, bytes } of chunkRows(snapshotOf(engine), mailbox, uids[from], uids[end - 1])) {
    const first = chunk * 32
    for (let base = chunkHeadBytes; base < bytes.length; base += placementBytes) {
      const uid = first + (bytes[base + at.uidLow] as number)
      while (next < end && (uids[next] as number) < uid) next++
      if (next === end || uids[next] !== uid) continue
      sizes.stored[next] = unsigned48(bytes, base + at.sizeBytes)
      if (sizes.sent !== undefined) sizes.sent[next] = sizes.stored[next] as number
      const missing = bytes[base + at.missingOctets] as number
      if (missing === manyOctets) noteUncounted(engine, sizes, next, blobAt(bytes, base))
      else if (missing > 0) addTo(sizes, next, missing)
      next++
    }
  }
}

const blobAt = (bytes: Buffer, base: number): number =>
  unsigned16(bytes, base + at.blobHigh) * 0x1_0000_0000_0000 + unsigned48(bytes, base + at.blobLow)

const noteUncounted = (engine: Engine, sizes: Sizes, index: number, blobId: number): void => {
  const known = kept.get(engine)?.get(blobId)
  if (known === undefined) sizes.uncounted.push({ index, blobId })
  else if (known > 0) addTo(sizes, index, known)
}

const addTo = (sizes: Sizes, index: number, octets: number): void => {
  sizes.sent ??= sizes.stored.slice()
  sizes.sent[index] = (sizes.stored[index] as number) + octets
}

/** 0 for a message that is gone. A trace prefix has none. */
const missingOctets = async (
  engine: Engine,
  mailbox: MailboxId,
  uid: number,
  blobId: number,
): Promise<number> => {
  const octets = readBlobRow(snapshotOf(engine), blobId)?.hasPlainLines
    ? 0
    : await counted(engine, mailbox, uid)
  const counts = kept.get(engine) ?? new Map<number, number>()
  kept.set(engine, counts)
  if (counts.size >= keptCount) counts.delete(counts.keys().next().value as number)
  counts.set(blobId, octets)
  return octets
}

const counted = async (engine: Engine, mailbox: MailboxId, uid: number): Promise<number> => {
  const ends = new LineEnds()
  for (let start = 0; ; start += pieceBytes) {
    const piece = await readMessage(engine, mailbox, uid, start, start + pieceBytes)
    if (piece === undefined || piece.length === 0) return ends.missingOctets
    const chunk = Buffer.from(piece.buffer, piece.byteOffset, piece.length)
    ends.open(chunk)
    for (let from = ends.next(0); from >= 0; from = ends.next(from + 1));
  }
}
