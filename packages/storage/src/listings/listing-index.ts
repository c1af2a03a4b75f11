import * as fs from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { crc32 } from '../checksum.ts'
import { copyInto, ListedMessages, longer, type WantedListings } from './listed-messages.ts'
import {
  type BlockHead,
  blockBytes,
  blockFixedBytes,
  columnCount,
  decodeBlockHead,
  decodeFileHead,
  decodeTail,
  fileHeadBytes,
  idsOfMessage,
  isBlockHeadWhole,
  type NewListing,
  tailBytes,
} from './listing-file.ts'

/** Heads of small blocks are read many at a time. */
const windowBytes = 4 * 1024
/** Others are let in after this much work. */
const sliceMs = 8

/** A column of a block: where its octets are in the file. */
export interface BlockColumn {
  readonly start: number
  readonly lengthBytes: number
  readonly crc: number
  state: 'unchecked' | 'whole'
}

/** Octets of a column of a block that are to be read: where they are in the file. */
export interface ColumnPart {
  readonly block: number
  readonly start: number
  readonly end: number
  /** Octets of the column that lie before them. */
  readonly passedBytes: number
}

interface RowPlaces {
  readonly starts: Uint32Array
  readonly ends: Uint32Array
}

interface Block {
  readonly firstRow: number
  readonly count: number
  readonly columns: readonly BlockColumn[]
}

/**
 * What is where in one account's file of listings: heads alone are kept in memory. Grows with the file. Rows are
 * numbers of messages in the order of the file.
 */
export class ListingIndex {
  readonly file: number
  readonly #inode: number
  readonly blocks: Block[] = []
  readBytes = fileHeadBytes
  /** The file goes on, but not with what was written: it has to be made anew. */
  isDamaged = false
  readonly #messages = new ListedMessages()
  #blockOf = new Uint32Array(64)
  #ends: Uint32Array[] = Array.from({ length: columnCount }, () => new Uint32Array(64))
  #growing: Promise<void> = Promise.resolve()
  #users = 1

  private constructor(file: number, inode: number) {
    this.file = file
    this.#inode = inode
  }

  /** undefined: none is there, or one of another version. Whoever holds it over an await retains it. */
  static open(path: string, version: number | 'any'): ListingIndex | undefined {
    let file: number
    try {
      file = fs.openSync(path, 'r')
    } catch {
      return undefined
    }
    const head = Buffer.alloc(fileHeadBytes)
    const filled = fs.readSync(file, head, 0, fileHeadBytes, 0)
    if (decodeFileHead(head.subarray(0, filled), version) !== undefined) {
      return new ListingIndex(file, fs.fstatSync(file).ino)
    }
    fs.closeSync(file)
    return undefined
  }

  get count(): number {
    return this.#messages.count
  }

  retain(): void {
    this.#users++
  }

  release(): void {
    if (--this.#users === 0) fs.closeSync(this.file)
  }

  isOf(stat: { readonly ino: number; readonly size: number }): boolean {
    return stat.ino === this.#inode && stat.size >= this.readBytes
  }

  /** Reads what was added, letting others in between. */
  extend(sizeBytes: number): Promise<void> {
    this.retain()
    this.#growing = this.#growing
      .then(async () => {
        let sliceEndMs = performance.now() + sliceMs
        for (const _ of this.#grow(sizeBytes)) {
          if (performance.now() < sliceEndMs) continue
          await nextTurn()
          sliceEndMs = performance.now() + sliceMs
        }
      })
      .finally(() => this.release())
    return this.#growing
  }

  extendNow(sizeBytes: number): void {
    for (const _ of this.#read(sizeBytes));
  }

  /** See `ListedMessages`. */
  find(messageId: number, blobId: number, sizeBytes: number, guess: number): number {
    return this.#messages.find(messageId, blobId, sizeBytes, guess)
  }

  /** The same. */
  locate(wanted: WantedListings, guess: number): Int32Array {
    return this.#messages.locate(wanted, guess)
  }

  /** What has to be read for `rows` of a column, in the order of the file: of a block that was tested their octets alone. */
  partsOf(rows: Int32Array, column: number): ColumnPart[] {
    const blockOf = this.#blockOf
    const spans = new Map<number, { first: number; last: number }>()
    let block = -1
    let span = { first: -1, last: -1 }
    for (let at = 0; at < rows.length; at++) {
      const row = rows[at] as number
      if (row < 0) continue
      if (blockOf[row] !== block) {
        block = blockOf[row] as number
        span = spans.get(block) ?? { first: row, last: row }
        spans.set(block, span)
      }
      if (row < span.first) span.first = row
      else if (row > span.last) span.last = row
    }
    const parts = Array.from(spans, ([number, { first, last }]) => this.#partOf(number, column, first, last))
    return parts.filter(({ start, end }) => end > start).sort((a, b) => a.start - b.start)
  }

  #partOf(number: number, column: number, first: number, last: number): ColumnPart {
    const { firstRow, columns } = this.blocks[number] as Block
    const { start, lengthBytes, state } = columns[column] as BlockColumn
    if (state === 'unchecked') return { block: number, start, end: start + lengthBytes, passedBytes: 0 }
    const ends = this.#ends[column] as Uint32Array
    const passedBytes = first === firstRow ? 0 : (ends[first - 1] as number)
    return { block: number, start: start + passedBytes, end: start + (ends[last] as number), passedBytes }
  }

  /**
   * Where the octets of rows begin and end in a column: nowhere (0, 0) without an offset of their block.
   * @param offsets where the columns of blocks begin, or would begin
   */
  placesOf(rows: Int32Array, column: number, offsets: ReadonlyMap<number, number>): RowPlaces {
    const blockOf = this.#blockOf
    const ends = this.#ends[column] as Uint32Array
    const places = { starts: new Uint32Array(rows.length), ends: new Uint32Array(rows.length) }
    let block = -1
    let firstRow = 0
    let offset: number | undefined
    for (let at = 0; at < rows.length; at++) {
      const row = rows[at] as number
      if (row < 0) continue
      if (blockOf[row] !== block) {
        block = blockOf[row] as number
        firstRow = (this.blocks[block] as Block).firstRow
        offset = offsets.get(block)
      }
      if (offset === undefined) continue
      places.starts[at] = row === firstRow ? offset : offset + (ends[row - 1] as number)
      places.ends[at] = offset + (ends[row] as number)
    }
    return places
  }

  /** Tests a column of a block once; what is damaged is forgotten with all its messages. */
  check(number: number, column: number, octets: Buffer): boolean {
    const { firstRow, count, columns } = this.blocks[number] as Block
    const place = columns[column] as BlockColumn
    if (place.state === 'whole') return true
    if (octets.length === place.lengthBytes && crc32(octets) === place.crc) {
      place.state = 'whole'
      return true
    }
    this.#messages.forget(firstRow, count)
    return false
  }

  /** Tests everything; how many messages are damaged. */
  *checkAll(): Generator<{ readonly sizeBytes: number; readonly damaged: number }> {
    for (const [number, { count, columns }] of this.blocks.entries()) {
      let sizeBytes = 0
      let damaged = 0
      for (const [column, { start, lengthBytes }] of columns.entries()) {
        if (!this.check(number, column, this.#octets(start, lengthBytes))) damaged = count
        sizeBytes += lengthBytes
      }
      yield { sizeBytes, damaged }
    }
  }

  /** For compaction. undefined: none, or damaged. */
  readOne(messageId: number): NewListing | undefined {
    const row = this.#messages.rowOf(messageId)
    if (row === undefined) return undefined
    const number = this.#blockOf[row] as number
    const { columns } = this.blocks[number] as Block
    const octets: Buffer[] = []
    for (const [column, place] of columns.entries()) {
      if (
        place.state === 'unchecked' &&
        !this.check(number, column, this.#octets(place.start, place.lengthBytes))
      )
        return undefined
      const { starts, ends } = this.placesOf(Int32Array.of(row), column, new Map([[number, 0]]))
      const start = starts[0] as number
      octets.push(this.#octets(place.start + start, (ends[0] as number) - start))
    }
    return {
      messageId,
      ...this.#messages.factsOf(row),
      columns: [octets[0] as Buffer, octets[1] as Buffer],
    }
  }

  #octets(position: number, lengthBytes: number): Buffer {
    const bytes = Buffer.allocUnsafe(lengthBytes)
    return bytes.subarray(0, lengthBytes && fs.readSync(this.file, bytes, 0, lengthBytes, position))
  }

  *#grow(sizeBytes: number): Generator<void> {
    yield* this.#read(sizeBytes)
    yield* this.#messages.prepare()
  }

  /** Block by block; stops before one that is not there in whole. */
  *#read(sizeBytes: number): Generator<void> {
    const memory = Buffer.allocUnsafe(windowBytes)
    let window = memory.subarray(0, 0)
    let windowAt = 0
    while (this.readBytes + blockFixedBytes + tailBytes <= sizeBytes && !this.isDamaged) {
      let at = this.readBytes - windowAt
      if (at + blockFixedBytes > window.length) {
        windowAt = this.readBytes
        window = memory.subarray(0, fs.readSync(this.file, memory, 0, windowBytes, windowAt))
        at = 0
      }
      const head = decodeBlockHead(window, at)
      if (head === undefined || this.readBytes + blockBytes(head) > sizeBytes) return this.#stop(sizeBytes)
      const whole =
        at + head.headBytes <= window.length
          ? window.subarray(at, at + head.headBytes)
          : this.#octets(this.readBytes, head.headBytes)
      if (whole.length < head.headBytes || !isBlockHeadWhole(whole)) return this.#stop(sizeBytes)
      this.#add(head, whole)
      this.readBytes += blockBytes(head)
      yield
    }
  }

  /** Somebody may be writing it at this moment; but if the file has a good end, it lacks its middle. */
  #stop(sizeBytes: number): void {
    this.isDamaged = decodeTail(this.#octets(sizeBytes - tailBytes, tailBytes)) !== undefined
  }

  #add(head: BlockHead, bytes: Buffer): void {
    const { count } = head
    const idsBytes = count * idsOfMessage * 8
    const firstRow = this.#messages.add(count, bytes, blockFixedBytes)
    this.#reserve(firstRow + count)
    let start = this.readBytes + head.headBytes
    const columns = head.columns.map(({ lengthBytes, crc }, column): BlockColumn => {
      const from = blockFixedBytes + idsBytes + column * count * 4
      copyInto(this.#ends[column] as Uint32Array, firstRow, bytes, from, count * 4)
      start += lengthBytes
      return { start: start - lengthBytes, lengthBytes, crc, state: 'unchecked' }
    })
    this.#blockOf.fill(this.blocks.length, firstRow, firstRow + count)
    this.blocks.push({ firstRow, count, columns })
  }

  #reserve(rows: number): void {
    if (rows <= this.#blockOf.length) return
    const room = Math.max(rows, this.#blockOf.length * 2)
    this.#blockOf = longer(this.#blockOf, room)
    this.#ends = this.#ends.map((each) => longer(each, room))
  }
}
