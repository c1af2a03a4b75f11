import type { MessageBatch } from '../contract.ts'
import { signed48, unsigned16, unsigned32, unsigned48 } from '../kv/numbers.ts'
import type { Reader } from '../kv/unit.ts'
import { at, chunkHeadBytes, chunkOfUid, chunkRows, peekChunk, placementBytes } from '../rows/chunk.ts'

/** Columns of a run of messages, with what is needed to find their octets. */
export interface Columns {
  readonly batch: MessageBatch
  readonly blobIds: Float64Array
  readonly messageIds: Float64Array
  readonly sizes: Float64Array
}

/** Growing columns; `finish` cuts them to length. */
export class ColumnBuilder {
  #flagColumns: FlagColumns
  /** undefined: only flags are wanted. */
  #facts: FactColumns | undefined
  readonly #most: number
  count = 0
  octets = 0

  /**
   * @param most it need not grow beyond
   * @param memory for the columns, where they have room in it
   */
  constructor(
    capacity: number,
    columns: 'flags' | 'facts',
    most = Number.POSITIVE_INFINITY,
    memory?: ArrayBuffer,
  ) {
    this.#most = most
    const room = new Room(capacity, columns === 'facts' ? 6 : 1, 3, memory)
    this.#flagColumns = flagColumns(room)
    this.#facts = columns === 'facts' ? factColumns(room) : undefined
  }

  /** Adds the placement packed at `base`. */
  add(uid: number, bytes: Buffer, base: number): void {
    const index = this.count++
    if (index === this.#flagColumns.uids.length) this.#grow()
    const columns = this.#flagColumns
    columns.uids[index] = uid
    columns.flags0[index] = unsigned32(bytes, base + at.flags0)
    columns.flags1[index] = unsigned32(bytes, base + at.flags1)
    columns.modSeqs[index] = unsigned48(bytes, base + at.modSeq)
    const facts = this.#facts
    if (facts === undefined) return
    const size = unsigned48(bytes, base + at.sizeBytes)
    this.octets += size
    facts.sizeBytes[index] = size
    facts.messageIds[index] = unsigned48(bytes, base + at.messageId)
    facts.blobIds[index] =
      unsigned16(bytes, base + at.blobHigh) * high48 + unsigned48(bytes, base + at.blobLow)
    facts.internalDatesMs[index] = signed48(bytes, base + at.internalDate)
    facts.saveDatesMs[index] = signed48(bytes, base + at.saveDate)
  }

  #grow(): void {
    const longer = <T extends FlagColumns | FactColumns>(columns: T, former: T): T => {
      for (const name of Object.keys(columns) as (keyof T)[]) {
        ;(columns[name] as Float64Array).set(former[name] as Float64Array)
      }
      return columns
    }
    const length = this.#flagColumns.uids.length
    const wished = Math.max(8, length * 4)
    const capacity = this.#most > length ? Math.min(wished, this.#most) : wished
    const room = new Room(capacity, this.#facts === undefined ? 1 : 6, 3)
    this.#flagColumns = longer(flagColumns(room), this.#flagColumns)
    if (this.#facts !== undefined) this.#facts = longer(factColumns(room), this.#facts)
  }

  finish(): Columns {
    const cut = <T extends Uint32Array | Float64Array>(column: T): T =>
      (column.length === this.count ? column : column.subarray(0, this.count)) as T
    const { uids, flags0, flags1, modSeqs } = this.#flagColumns
    const columns = { uids: cut(uids), flags0: cut(flags0), flags1: cut(flags1), modSeqs: cut(modSeqs) }
    const kept = this.#facts
    if (kept === undefined) return { batch: columns, blobIds: none, messageIds: none, sizes: none }
    const facts = {
      messageIds: cut(kept.messageIds),
      sizeBytes: cut(kept.sizeBytes),
      internalDatesMs: cut(kept.internalDatesMs),
      saveDatesMs: cut(kept.saveDatesMs),
    }
    return {
      batch: { ...columns, facts },
      blobIds: cut(kept.blobIds),
      messageIds: facts.messageIds,
      sizes: facts.sizeBytes,
    }
  }
}

interface FlagColumns {
  readonly uids: Uint32Array
  readonly flags0: Uint32Array
  readonly flags1: Uint32Array
  readonly modSeqs: Float64Array
}

type FactColumns = Readonly<
  Record<'messageIds' | 'blobIds' | 'sizeBytes' | 'internalDatesMs' | 'saveDatesMs', Float64Array>
>

const flagColumns = (room: Room): FlagColumns => ({
  modSeqs: room.float64(),
  uids: room.uint32(),
  flags0: room.uint32(),
  flags1: room.uint32(),
})

const factColumns = (room: Room): FactColumns => ({
  messageIds: room.float64(),
  blobIds: room.float64(),
  sizeBytes: room.float64(),
  internalDatesMs: room.float64(),
  saveDatesMs: room.float64(),
})

/** V8 keeps arrays of so few octets in its own heap. */
const heapOctets = 64

/** Memory of several columns: one piece, for each that V8 has to ask the system for costs it 1 to 2 µs. */
class Room {
  readonly #capacity: number
  readonly #memory: ArrayBuffer | undefined
  #float64At = 0
  #uint32At: number

  constructor(capacity: number, float64Count: number, uint32Count: number, memory?: ArrayBuffer) {
    this.#capacity = capacity
    this.#uint32At = capacity * float64Count * 8
    if (capacity * 8 <= heapOctets) return
    const octets = this.#uint32At + capacity * uint32Count * 4
    this.#memory = memory !== undefined && octets <= memory.byteLength ? memory : new ArrayBuffer(octets)
  }

  float64(): Float64Array {
    if (this.#memory === undefined) return new Float64Array(this.#capacity)
    const from = this.#float64At
    this.#float64At += this.#capacity * 8
    return new Float64Array(this.#memory, from, this.#capacity)
  }

  uint32(): Uint32Array {
    if (this.#memory === undefined) return new Uint32Array(this.#capacity)
    const from = this.#uint32At
    this.#uint32At += this.#capacity * 4
    return new Uint32Array(this.#memory, from, this.#capacity)
  }
}

const none = new Float64Array(0)
const high48 = 0x1_0000_0000_0000

export interface CollectLimits {
  readonly columns: 'flags' | 'facts'
  readonly maxCount: number
  readonly maxOctets: number
  /** For the columns: whoever gets them is done with them before it is used again. */
  readonly memory?: ArrayBuffer
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
  const most = Math.min(uids.length - from, limits.maxCount)
  // Octets end a batch long before its count does.
  const capacity = limits.maxOctets === Number.POSITIVE_INFINITY ? most : Math.min(most, firstRows)
  const builder = new ColumnBuilder(capacity, limits.columns, undefined, limits.memory)
  const next = collectInto(builder, reader, mailbox, uids, from, limits)
  return { columns: builder.finish(), next }
}

/** As `collect`, behind what the builder has: `next`. */
export const collectInto = (
  builder: ColumnBuilder,
  reader: Reader,
  mailbox: number,
  uids: Uint32Array,
  from: number,
  limits: Pick<CollectLimits, 'maxCount' | 'maxOctets'>,
): number => {
  let next = from
  const maxCount = builder.count + limits.maxCount
  const maxOctets = builder.octets + limits.maxOctets
  const full = (): boolean => builder.count >= maxCount || builder.octets >= maxOctets
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
  return full() ? next : uids.length
}

const firstRows = 16

/** A range costs as much as so many single reads. */
const fewChunks = 8

/**
 * Chunks that hold any of the UIDs: by a range when they are dense, one by one when they are few. Each is valid until the
 * next one.
 */
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
  if (span >= fewChunks && span <= (uids.length - from) * 2) {
    yield* chunkRows(reader, mailbox, first, last)
    return
  }
  let previous = -1
  for (let index = from; index < uids.length; index++) {
    const chunk = chunkOfUid(uids[index] as number)
    if (chunk === previous) continue
    previous = chunk
    const bytes = peekChunk(reader, mailbox, chunk)
    if (bytes !== undefined) yield { chunk, bytes }
  }
}
