import * as fs from 'node:fs'
import { promisify } from 'node:util'
import type { Listing } from '../contract.ts'
import type { BlockColumn, ListingIndex } from './listing-index.ts'

/** Columns that lie so near each other are read together. */
const maxGapBytes = 8 * 1024
const maxRunBytes = 1024 * 1024
/** A read that takes longer did not come from memory: the next ones are waited for off the event loop. */
const slowReadMs = 3
const patientReads = 50

const readFile = promisify(fs.read)

/** Of readers that have ended: fresh memory would cost the next one more than what it reads. */
const spare: Buffer[] = []
const maxSpares = 4
const spareBytes = 256 * 1024

/** Messages that are looked for: columns of the same length. */
export interface WantedListings {
  readonly messageIds: Float64Array
  readonly blobIds: Float64Array
  readonly sizes: Float64Array
}

interface Run {
  readonly start: number
  end: number
  readonly blocks: number[]
}

/** Reads columns of listings batch after batch, into the same memory again. */
export class ListingReader {
  readonly #index: ListingIndex
  readonly #columns: readonly number[]
  readonly #memories: (Buffer | undefined)[] = []
  #guess = 0
  #patient = 0
  #isWhole = true

  constructor(index: ListingIndex, columns: readonly number[]) {
    this.#index = index
    this.#columns = columns
  }

  /** One for each of the columns, valid until the next call. `missing`: not made yet for some. */
  async read(wanted: WantedListings): Promise<{ readonly listing: Listing[]; readonly missing: boolean }> {
    const rows = this.#locate(wanted)
    const listing: Listing[] = []
    this.#isWhole = true
    for (const [at, column] of this.#columns.entries()) listing.push(await this.#readColumn(rows, column, at))
    return { listing, missing: !this.#isWhole || rows.includes(-1) }
  }

  /** Others may have its memory: nobody uses what was read last any more. */
  close(): void {
    for (const memory of this.#memories) giveBack(memory)
    this.#memories.length = 0
  }

  #locate({ messageIds, blobIds, sizes }: WantedListings): Int32Array {
    const rows = new Int32Array(messageIds.length)
    for (let at = 0; at < rows.length; at++) {
      const row = this.#index.find(
        messageIds[at] as number,
        blobIds[at] as number,
        sizes[at] as number,
        this.#guess,
      )
      rows[at] = row
      if (row >= 0) this.#guess = row + 1
    }
    return rows
  }

  async #readColumn(rows: Int32Array, column: number, memoryAt: number): Promise<Listing> {
    const index = this.#index
    const runs = runsOf(this.#blocksOf(rows, column), (block) => this.#place(block, column))
    const lengthBytes = runs.reduce((sum, { start, end }) => sum + end - start, 0)
    const memory = this.#memory(memoryAt, lengthBytes)
    const offsets = new Map<number, number>()
    let from = 0
    for (const run of runs) {
      const octets = memory.subarray(from, from + run.end - run.start)
      const filled = await this.#fill(octets, run.start)
      for (const block of run.blocks) {
        const { start, lengthBytes: octetsOfBlock } = this.#place(block, column)
        const at = start - run.start
        const whole = octets.subarray(at, Math.min(at + octetsOfBlock, filled))
        if (index.check(block, column, whole)) offsets.set(block, from + at)
        else this.#isWhole = false
      }
      from += octets.length
    }
    return placed(index, rows, column, offsets, memory)
  }

  #place(block: number, column: number): BlockColumn {
    return this.#index.blocks[block]?.columns[column] as BlockColumn
  }

  /** Each once, in the order of the file. */
  #blocksOf(rows: Int32Array, column: number): number[] {
    const blocks = new Set<number>()
    let last = -1
    for (const row of rows) {
      if (row < 0) continue
      const block = this.#index.blockOf(row)
      if (block === last || this.#place(block, column).lengthBytes === 0) continue
      last = block
      blocks.add(block)
    }
    return [...blocks].sort((a, b) => a - b)
  }

  #memory(at: number, lengthBytes: number): Buffer {
    const known = this.#memories[at]
    if (known !== undefined && known.length >= lengthBytes) return known
    giveBack(known)
    const memory = memoryFor(lengthBytes)
    this.#memories[at] = memory
    return memory
  }

  /** Octets read: what cannot be read comes short. */
  async #fill(octets: Buffer, position: number): Promise<number> {
    const { file } = this.#index
    try {
      if (this.#patient-- > 0) return (await readFile(file, octets, 0, octets.length, position)).bytesRead
      const beganMs = performance.now()
      const filled = fs.readSync(file, octets, 0, octets.length, position)
      this.#patient = performance.now() - beganMs > slowReadMs ? patientReads : 0
      return filled
    } catch {
      return 0
    }
  }
}

const memoryFor = (lengthBytes: number): Buffer =>
  lengthBytes > spareBytes
    ? Buffer.allocUnsafeSlow(lengthBytes + (lengthBytes >> 2))
    : (spare.pop() ?? Buffer.allocUnsafeSlow(spareBytes))

const giveBack = (memory: Buffer | undefined): void => {
  if (memory?.length === spareBytes && spare.length < maxSpares) spare.push(memory)
}

const runsOf = (blocks: readonly number[], placeOf: (block: number) => BlockColumn): Run[] => {
  const runs: Run[] = []
  let run: Run | undefined
  for (const block of blocks) {
    const { start, lengthBytes } = placeOf(block)
    const end = start + lengthBytes
    if (run !== undefined && start - run.end <= maxGapBytes && end - run.start <= maxRunBytes) {
      run.end = end
      run.blocks.push(block)
    } else {
      run = { start, end, blocks: [block] }
      runs.push(run)
    }
  }
  return runs
}

const placed = (
  index: ListingIndex,
  rows: Int32Array,
  column: number,
  offsets: ReadonlyMap<number, number>,
  octets: Buffer,
): Listing => {
  const starts = new Uint32Array(rows.length)
  const ends = new Uint32Array(rows.length)
  let block = -1
  let offset: number | undefined
  for (let at = 0; at < rows.length; at++) {
    const row = rows[at] as number
    if (row < 0) continue
    const its = index.blockOf(row)
    if (its !== block) {
      block = its
      offset = offsets.get(its)
    }
    if (offset === undefined) continue
    starts[at] = offset + index.startOf(row, column)
    ends[at] = offset + index.endOf(row, column)
  }
  return { octets, starts, ends }
}
