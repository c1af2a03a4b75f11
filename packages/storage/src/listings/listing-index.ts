import * as fs from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { crc32 } from 'node:zlib'
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

/** Messages that are looked for: columns of the same length. */
export interface WantedListings {
  readonly messageIds: Float64Array
  readonly blobIds: Float64Array
  readonly sizes: Float64Array
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
  #count = 0
  /** Ids only grow: what is younger than everything here is not looked for. */
  #highestId = 0
  #ids = new Float64Array(64 * idsOfMessage)
  #blockOf = new Uint32Array(64)
  #ends: Uint32Array[] = Array.from({ length: columnCount }, () => new Uint32Array(64))
  /** Of the last row of each message; made when a guess fails. */
  #byMessage: Map<number, number> | undefined
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
    return this.#count
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
        for (const _ of this.#read(sizeBytes)) {
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

  /** The row of a message, -1 when it has none. @param guess the row it probably is */
  find(messageId: number, blobId: number, sizeBytes: number, guess: number): number {
    const ids = this.#ids
    let row = guess
    if (row < 0 || row >= this.#count || ids[row * idsOfMessage] !== messageId) {
      if (messageId > this.#highestId) return -1
      row = this.#places().get(messageId) ?? -1
      if (row < 0) return -1
    }
    const at = row * idsOfMessage
    return ids[at + 1] === blobId && ids[at + 2] === sizeBytes ? row : -1
  }

  /** Rows of messages, -1 for those that have none. @param guess the row that the first one probably is */
  locate({ messageIds, blobIds, sizes }: WantedListings, guess: number): Int32Array {
    const ids = this.#ids
    const rows = new Int32Array(messageIds.length)
    let next = guess
    for (let at = 0; at < rows.length; at++) {
      const place = next * idsOfMessage
      const messageId = messageIds[at] as number
      const blobId = blobIds[at] as number
      const sizeBytes = sizes[at] as number
      const isNext =
        next < this.#count &&
        ids[place] === messageId &&
        ids[place + 1] === blobId &&
        ids[place + 2] === sizeBytes
      const row = isNext ? next : this.find(messageId, blobId, sizeBytes, next)
      rows[at] = row
      if (row >= 0) next = row + 1
    }
    return rows
  }

  /** Blocks that have octets of `rows` in a column, each once, in the order of the file. */
  blocksOf(rows: Int32Array, column: number): number[] {
    const blockOf = this.#blockOf
    const blocks: number[] = []
    let last = -1
    for (let at = 0; at < rows.length; at++) {
      const row = rows[at] as number
      if (row < 0 || blockOf[row] === last) continue
      last = blockOf[row] as number
      if (this.blocks[last]?.columns[column]?.lengthBytes !== 0) blocks.push(last)
    }
    return [...new Set(blocks)].sort((a, b) => a - b)
  }

  /** Where the octets of rows begin and end in a column: nowhere (0, 0) without an offset of their block. */
  placesOf(rows: Int32Array, column: number, offsets: ReadonlyMap<number, number>): RowPlaces {
    const blockOf = this.#blockOf
    const ends = this.#ends[column] as Uint32Array
    const places = { starts: new Uint32Array(rows.length), ends: new Uint32Array(rows.length) }
    let block = -1
    let firstRow = 0
    let offset = -1
    for (let at = 0; at < rows.length; at++) {
      const row = rows[at] as number
      if (row < 0) continue
      if (blockOf[row] !== block) {
        block = blockOf[row] as number
        firstRow = (this.blocks[block] as Block).firstRow
        offset = offsets.get(block) ?? -1
      }
      if (offset < 0) continue
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
    this.#byMessage = undefined
    this.#ids.fill(-1, firstRow * idsOfMessage, (firstRow + count) * idsOfMessage)
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
    const row = this.#places().get(messageId)
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
    const at = row * idsOfMessage
    return {
      messageId,
      blobId: this.#ids[at + 1] as number,
      sizeBytes: this.#ids[at + 2] as number,
      columns: [octets[0] as Buffer, octets[1] as Buffer],
    }
  }

  #octets(position: number, lengthBytes: number): Buffer {
    const bytes = Buffer.allocUnsafe(lengthBytes)
    return bytes.subarray(0, lengthBytes && fs.readSync(this.file, bytes, 0, lengthBytes, position))
  }

  #places(): Map<number, number> {
    if (this.#byMessage === undefined) {
      this.#byMessage = new Map()
      const ids = this.#ids
      for (let row = 0; row < this.#count; row++) this.#byMessage.set(ids[row * idsOfMessage] as number, row)
      this.#byMessage.delete(-1)
    }
    return this.#byMessage
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
    const firstRow = this.#count
    this.#reserve(firstRow + count)
    const idsBytes = count * idsOfMessage * 8
    copyInto(this.#ids, firstRow * idsOfMessage, bytes, blockFixedBytes, idsBytes)
    let start = this.readBytes + head.headBytes
    const columns = head.columns.map(({ lengthBytes, crc }, column): BlockColumn => {
      const from = blockFixedBytes + idsBytes + column * count * 4
      copyInto(this.#ends[column] as Uint32Array, firstRow, bytes, from, count * 4)
      start += lengthBytes
      return { start: start - lengthBytes, lengthBytes, crc, state: 'unchecked' }
    })
    this.#blockOf.fill(this.blocks.length, firstRow, firstRow + count)
    this.blocks.push({ firstRow, count, columns })
    this.#count += count
    for (let row = firstRow; row < this.#count; row++) {
      const id = this.#ids[row * idsOfMessage] as number
      if (id > this.#highestId) this.#highestId = id
    }
    const known = this.#byMessage
    if (known === undefined) return
    for (let row = firstRow; row < this.#count; row++) known.set(this.#ids[row * idsOfMessage] as number, row)
  }

  #reserve(rows: number): void {
    if (rows <= this.#blockOf.length) return
    const room = Math.max(rows, this.#blockOf.length * 2)
    this.#ids = longer(this.#ids, room * idsOfMessage)
    this.#blockOf = longer(this.#blockOf, room)
    this.#ends = this.#ends.map((each) => longer(each, room))
  }
}

const longer = <T extends Float64Array | Uint32Array>(former: T, length: number): T => {
  const column = new (former.constructor as new (length: number) => T)(length)
  column.set(former)
  return column
}

const copyInto = (
  target: Float64Array | Uint32Array,
  at: number,
  bytes: Buffer,
  from: number,
  lengthBytes: number,
): void => {
  const octets = new Uint8Array(target.buffer, at * target.BYTES_PER_ELEMENT, lengthBytes)
  octets.set(bytes.subarray(from, from + lengthBytes))
}
