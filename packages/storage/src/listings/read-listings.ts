import * as fs from 'node:fs'
import { promisify } from 'node:util'
import type { Listing } from '../contract.ts'
import type { WantedListings } from './listed-messages.ts'
import type { ColumnPart, ListingIndex } from './listing-index.ts'

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

const nothing = Buffer.alloc(0)

interface Run {
  readonly start: number
  end: number
  readonly parts: ColumnPart[]
  octets: Buffer
  /** Octets read. */
  filled: number
}

/** A column of a batch while it is being read. */
interface Reading {
  readonly memory: Buffer
  readonly runs: readonly Run[]
}

interface Listings {
  readonly listing: readonly Listing[]
  readonly missing: boolean
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
  async read(wanted: WantedListings): Promise<Listings> {
    const rows = this.#locate(wanted)
    const listing: Listing[] = []
    for (const [at, column] of this.#columns.entries()) {
      const reading = this.#begin(rows, column, at)
      for (const run of reading.runs)
        run.filled = this.#patient-- > 0 ? await this.#fillLater(run) : this.#fill(run)
      listing.push(this.#end(rows, column, reading))
    }
    return { listing, missing: !this.#isWhole || rows.includes(-1) }
  }

  /** The same of few messages, without waiting. */
  readNow(wanted: WantedListings): Listings {
    const rows = this.#locate(wanted)
    const listing: Listing[] = []
    for (let at = 0; at < this.#columns.length; at++) {
      const column = this.#columns[at] as number
      const reading = this.#begin(rows, column, at)
      for (const run of reading.runs) run.filled = this.#fill(run)
      listing.push(this.#end(rows, column, reading))
    }
    return { listing, missing: !this.#isWhole || rows.includes(-1) }
  }

  /** Others may have its memory: nobody uses what was read last any more. */
  close(): void {
    for (const memory of this.#memories) giveBack(memory)
    this.#memories.length = 0
  }

  #locate(wanted: WantedListings): Int32Array {
    const rows = this.#index.locate(wanted, this.#guess)
    this.#guess = (rows.findLast((row) => row >= 0) ?? this.#guess - 1) + 1
    this.#isWhole = true
    return rows
  }

  #begin(rows: Int32Array, column: number, memoryAt: number): Reading {
    const runs = runsOf(this.#index.partsOf(rows, column))
    const memory = this.#memory(
      memoryAt,
      runs.reduce((sum, { start, end }) => sum + end - start, 0),
    )
    let from = 0
    for (const run of runs) {
      run.octets = memory.subarray(from, from + run.end - run.start)
      from += run.octets.length
    }
    return { memory, runs }
  }

  #end(rows: Int32Array, column: number, { memory, runs }: Reading): Listing {
    const offsets = new Map<number, number>()
    let from = 0
    for (const { start: runStart, octets, filled, parts } of runs) {
      for (const { block, start, end, passedBytes } of parts) {
        const at = start - runStart
        const part = octets.subarray(at, Math.min(end - runStart, filled))
        const isWhole = this.#index.check(block, column, part)
        if (isWhole && part.length === end - start) offsets.set(block, from + at - passedBytes)
        else this.#isWhole = false
      }
      from += octets.length
    }
    return { octets: memory, ...this.#index.placesOf(rows, column, offsets) }
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
  #fill({ octets, start }: Run): number {
    try {
      const beganMs = performance.now()
      const filled = fs.readSync(this.#index.file, octets, 0, octets.length, start)
      this.#patient = performance.now() - beganMs > slowReadMs ? patientReads : 0
      return filled
    } catch {
      return 0
    }
  }

  async #fillLater({ octets, start }: Run): Promise<number> {
    try {
      return (await readFile(this.#index.file, octets, 0, octets.length, start)).bytesRead
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

const runsOf = (parts: readonly ColumnPart[]): Run[] => {
  const runs: Run[] = []
  let run: Run | undefined
  for (const part of parts) {
    const { start, end } = part
    if (run !== undefined && start - run.end <= maxGapBytes && end - run.start <= maxRunBytes) {
      run.end = end
      run.parts.push(part)
    } else {
      run = { start, end, parts: [part], octets: nothing, filled: 0 }
      runs.push(run)
    }
  }
  return runs
}
