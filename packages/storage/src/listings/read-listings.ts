import * as fs from 'node:fs'
import { promisify } from 'node:util'
import type { Listing } from '../contract.ts'
import type { BlockColumn, ListingIndex, WantedListings } from './listing-index.ts'

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
    const rows = this.#index.locate(wanted, this.#guess)
    this.#guess = (rows.findLast((row) => row >= 0) ?? this.#guess - 1) + 1
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

  async #readColumn(rows: Int32Array, column: number, memoryAt: number): Promise<Listing> {
    const index = this.#index
    const runs = runsOf(index.blocksOf(rows, column), (block) => this.#place(block, column))
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
    return { octets: memory, ...index.placesOf(rows, column, offsets) }
  }

  #place(block: number, column: number): BlockColumn {
    return this.#index.blocks[block]?.columns[column] as BlockColumn
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
