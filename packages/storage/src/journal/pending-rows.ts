import type { JournalRecord } from './journal-frame.ts'

const blockBytes = 64 * 1024
/** Blocks that are kept for the next rows. */
const maxSpareBlocks = 16
const leastRoomBytes = 32

interface Place {
  sequence: number
  block: Buffer
  start: number
  roomBytes: number
  /** undefined: the row was removed. */
  sizeBytes: number | undefined
}

/**
 * The last state of each row that the journal lacks, in memory of its own that is used again and again. A row as it came
 * is a piece of a block that Node gave for all the small buffers of some messages: whoever keeps it for half a second
 * keeps all of them, and so long that only a thorough collection of garbage finds them.
 */
export class PendingRows {
  /** By key (latin1). */
  readonly #places = new Map<string, Place>()
  #blocks: Buffer[] = []
  /** Blocks in use, and octets in the last of them. */
  #fullBlocks = 0
  #usedBytes = 0

  get size(): number {
    return this.#places.size
  }

  /** Copies the value. null: the row was removed. */
  set(key: string, sequence: number, value: Buffer | null): void {
    const known = this.#places.get(key)
    if (known !== undefined && (value === null || value.length <= known.roomBytes)) {
      known.sequence = sequence
      known.sizeBytes = value?.length
      value?.copy(known.block, known.start)
      return
    }
    this.#places.set(key, this.#placeFor(sequence, value))
  }

  /** The records' values are void when a row is set, or all are forgotten. */
  *records(): Generator<JournalRecord> {
    for (const [key, { sequence, block, start, sizeBytes }] of this.#places) {
      const value = sizeBytes === undefined ? null : block.subarray(start, start + sizeBytes)
      yield { sequence, key: Buffer.from(key, 'latin1'), value }
    }
  }

  /** Takes over the states that `newer` has. */
  add(newer: PendingRows): void {
    for (const [key, { sequence, block, start, sizeBytes }] of newer.#places) {
      this.set(key, sequence, sizeBytes === undefined ? null : block.subarray(start, start + sizeBytes))
    }
  }

  clear(): void {
    this.#places.clear()
    this.#blocks = this.#blocks.filter((block) => block.length === blockBytes).slice(0, maxSpareBlocks)
    this.#fullBlocks = 0
    this.#usedBytes = 0
  }

  #placeFor(sequence: number, value: Buffer | null): Place {
    const roomBytes = value === null ? 0 : roomFor(value.length)
    const block = this.#blockFor(roomBytes)
    const start = this.#usedBytes
    this.#usedBytes += roomBytes
    value?.copy(block, start)
    return { sequence, block, start, roomBytes, sizeBytes: value?.length }
  }

  #blockFor(roomBytes: number): Buffer {
    const current = this.#blocks[this.#fullBlocks]
    if (current !== undefined && this.#usedBytes + roomBytes <= current.length) return current
    if (current !== undefined) this.#fullBlocks++
    this.#usedBytes = 0
    const next = this.#blocks[this.#fullBlocks]
    if (next !== undefined && roomBytes <= next.length) return next
    const block = Buffer.allocUnsafeSlow(Math.max(blockBytes, roomBytes))
    this.#blocks.splice(this.#fullBlocks, 0, block)
    return block
  }
}

/** Rows that change often mostly grow: the next state shall find room where this one is. */
const roomFor = (sizeBytes: number): number => {
  let room = leastRoomBytes
  while (room < sizeBytes) room *= 2
  return room
}
