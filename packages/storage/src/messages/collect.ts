import type { MessageBatch } from '../contract.ts'
import type { Reader } from '../kv/unit.ts'
import { at, chunkHeadBytes, chunkKey, chunkOfUid, chunkRows, placementBytes } from '../rows/chunk.ts'

/** Columns of a run of messages, with what is needed to find their octets. */
export interface Columns {
  readonly batch: MessageBatch
  readonly blobIds: readonly number[]
  readonly messageIds: readonly number[]
  readonly sizes: readonly number[]
}

const high48 = 0x1_0000_0000_0000

/** Growing columns; `finish` cuts them to length. */
export class ColumnBuilder {
  readonly #withFacts: boolean
  readonly #uids: Uint32Array
  readonly #flags0: Uint32Array
  readonly #flags1: Uint32Array
  readonly #modSeqs: Float64Array
  readonly #messageIds: number[] = []
  readonly #blobIds: number[] = []
  readonly #sizes: number[] = []
  readonly #internalDates: number[] = []
  readonly #saveDates: number[] = []
  count = 0
  octets = 0

  constructor(capacity: number, columns: 'flags' | 'facts') {
    this.#withFacts = columns === 'facts'
    this.#uids = new Uint32Array(capacity)
    this.#flags0 = new Uint32Array(capacity)
    this.#flags1 = new Uint32Array(capacity)
    this.#modSeqs = new Float64Array(capacity)
  }

  /** Adds the placement packed at `base`. */
  add(uid: number, bytes: Buffer, base: number): void {
    const index = this.count++
    this.#uids[index] = uid
    this.#flags0[index] = bytes.readUInt32BE(base + at.flags0)
    this.#flags1[index] = bytes.readUInt32BE(base + at.flags1)
    this.#modSeqs[index] =
      bytes.readUInt16BE(base + at.modSeq) * 0x1_0000_0000 + bytes.readUInt32BE(base + at.modSeq + 2)
    if (!this.#withFacts) return
    const size = bytes.readUIntBE(base + at.sizeBytes, 6)
    this.octets += size
    this.#messageIds.push(bytes.readUIntBE(base + at.messageId, 6))
    this.#blobIds.push(
      bytes.readUInt16BE(base + at.blobHigh) * high48 + bytes.readUIntBE(base + at.blobLow, 6),
    )
    this.#sizes.push(size)
    this.#internalDates.push(bytes.readIntBE(base + at.internalDate, 6))
    this.#saveDates.push(bytes.readIntBE(base + at.saveDate, 6))
  }

  finish(): Columns {
    const cut = <T extends Uint32Array | Float64Array>(column: T): T =>
      (column.length === this.count ? column : column.slice(0, this.count)) as T
    const columns = {
      uids: cut(this.#uids),
      flags0: cut(this.#flags0),
      flags1: cut(this.#flags1),
      modSeqs: cut(this.#modSeqs),
    }
    const facts = {
      messageIds: Float64Array.from(this.#messageIds),
      sizeBytes: Float64Array.from(this.#sizes),
      internalDatesMs: Float64Array.from(this.#internalDates),
      saveDatesMs: Float64Array.from(this.#saveDates),
    }
    return {
      batch: this.#withFacts ? { ...columns, facts } : columns,
      blobIds: this.#blobIds,
      messageIds: this.#messageIds,
      sizes: this.#sizes,
    }
  }
}

export interface CollectLimits {
  readonly columns: 'flags' | 'facts'
  readonly maxCount: number
  readonly maxOctets: number
}

/**
 * The present ones of ascending `uids` from index `from` on, until a limit is reached; `next` is the
 * first index not looked at.
 */
export const collect = (
  reader: Reader,
  mailbox: number,
  uids: Uint32Array,
  from: number,
  limits: CollectLimits,
): { readonly columns: Columns; readonly next: number } => {
  const builder = new ColumnBuilder(Math.min(uids.length - from, limits.maxCount), limits.columns)
  let next = from
  const full = (): boolean => builder.count >= limits.maxCount || builder.octets >= limits.maxOctets
  for (const { chunk, bytes } of wantedChunks(reader, mailbox, uids, from)) {
    const first = chunk * 32
    while (next < uids.length && (uids[next] as number) < first) next++
    for (let base = chunkHeadBytes; base < bytes.length && !full(); base += placementBytes) {
      const uid = first + (bytes[base + at.uidLow] as number)
      while (next < uids.length && (uids[next] as number) < uid) next++
      if (next >= uids.length) break
      if (uids[next] !== uid) continue
      builder.add(uid, bytes, base)
      next++
    }
    if (full() || next >= uids.length) break
  }
  if (!full()) next = uids.length
  return { columns: builder.finish(), next }
}

/** Chunks that hold any of the UIDs: by a range when they are dense, one by one when they are few. */
function* wantedChunks(
  reader: Reader,
  mailbox: number,
  uids: Uint32Array,
  from: number,
): Generator<{ chunk: number; bytes: Buffer }> {
  if (from >= uids.length) return
  const first = uids[from] as number
  const last = uids[uids.length - 1] as number
  const span = chunkOfUid(last) - chunkOfUid(first) + 1
  if (span <= (uids.length - from) * 2) {
    yield* chunkRows(reader, mailbox, first, last)
    return
  }
  let previous = -1
  for (let index = from; index < uids.length; index++) {
    const chunk = chunkOfUid(uids[index] as number)
    if (chunk === previous) continue
    previous = chunk
    const bytes = reader.get(chunkKey(mailbox, chunk))
    if (bytes !== undefined) yield { chunk, bytes }
  }
}
