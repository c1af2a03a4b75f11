import { firstPlaceOf } from '../strewn-ids.ts'
import { idsOfMessage } from './listing-file.ts'

/** Messages that are looked for: columns of the same length. */
export interface WantedListings {
  readonly messageIds: Float64Array
  readonly blobIds: Float64Array
  readonly sizes: Float64Array
}

const forgotten = -1
const stepRows = 4_096

/** Which row of a file of listings is whose. */
export class ListedMessages {
  #count = 0
  /** Ids only grow: what is younger than everything here is not looked for. */
  #highestId = 0
  #ids = new Float64Array(64 * idsOfMessage)
  /**
   * Of messages in any order: the last row of each + 1, where the id's hash says or behind; 0: free. A power of two.
   * `prepare` makes it, or the first guess that fails.
   */
  #byMessage: Uint32Array | undefined
  /** Each row's message is younger than those before it, as they are where the file was made in one go. */
  #ascends = true
  #forgets = 0

  get count(): number {
    return this.#count
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

  /** The row of a message, -1 when it has none. @param guess the row it probably is */
  find(messageId: number, blobId: number, sizeBytes: number, guess: number): number {
    const ids = this.#ids
    let row = guess
    if (row < 0 || row >= this.#count || ids[row * idsOfMessage] !== messageId) {
      if (messageId > this.#highestId) return -1
      row = this.rowOf(messageId) ?? -1
      if (row < 0) return -1
    }
    const at = row * idsOfMessage
    return ids[at + 1] === blobId && ids[at + 2] === sizeBytes ? row : -1
  }

  rowOf(messageId: number): number | undefined {
    if (this.#ascends) return this.#rowAmongAscending(messageId)
    this.#byMessage ??= this.#makeTable()
    const row = (this.#byMessage[this.#placeIn(this.#byMessage, messageId)] as number) - 1
    return row < 0 ? undefined : row
  }

  /** Makes step by step what looking for a message would make at one go: tens of milliseconds for many. */
  *prepare(): Generator<void> {
    if (this.#ascends || this.#byMessage !== undefined) return
    const [count, forgets] = [this.#count, this.#forgets]
    const table = this.#freeTable()
    for (let row = 0; row < count; row++) {
      this.#enter(table, row)
      if (row % stepRows !== stepRows - 1) continue
      yield
      // Whoever looks for a message makes it now.
      if (this.#byMessage !== undefined || this.#count !== count || this.#forgets !== forgets) return
    }
    this.#byMessage = table
  }

  #makeTable(): Uint32Array {
    const table = this.#freeTable()
    for (let row = 0; row < this.#count; row++) this.#enter(table, row)
    return table
  }

  #freeTable(): Uint32Array {
    return new Uint32Array(2 ** Math.ceil(Math.log2(Math.max(this.#count, 64) * 2)))
  }

  #enter(table: Uint32Array, row: number): void {
    const id = this.#ids[row * idsOfMessage] as number
    if (id !== forgotten) table[this.#placeIn(table, id)] = row + 1
  }

  /** Where the message is in the table, or where it would be. */
  #placeIn(table: Uint32Array, messageId: number): number {
    const last = table.length - 1
    let place = firstPlaceOf(messageId) & last
    for (;;) {
      const row = (table[place] as number) - 1
      if (row < 0 || this.#ids[row * idsOfMessage] === messageId) return place
      place = (place + 1) & last
    }
  }

  #rowAmongAscending(messageId: number): number | undefined {
    let [low, high] = [0, this.#count]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#ids[middle * idsOfMessage] as number) < messageId) low = middle + 1
      else high = middle
    }
    return low < this.#count && this.#ids[low * idsOfMessage] === messageId ? low : undefined
  }

  factsOf(row: number): { readonly blobId: number; readonly sizeBytes: number } {
    const at = row * idsOfMessage
    return { blobId: this.#ids[at + 1] as number, sizeBytes: this.#ids[at + 2] as number }
  }

  /** Adds those of a block, whose ids are in `bytes` from `from` on: the first one's row. */
  add(count: number, bytes: Buffer, from: number): number {
    const firstRow = this.#count
    const rows = firstRow + count
    if (rows * idsOfMessage > this.#ids.length) {
      this.#ids = longer(this.#ids, Math.max(rows * idsOfMessage, this.#ids.length * 2))
    }
    copyInto(this.#ids, firstRow * idsOfMessage, bytes, from, count * idsOfMessage * 8)
    this.#count = rows
    // At most three quarters are taken.
    if (this.#byMessage !== undefined && rows * 4 > this.#byMessage.length * 3) this.#byMessage = undefined
    const table = this.#byMessage
    for (let row = firstRow; row < rows; row++) {
      const id = this.#ids[row * idsOfMessage] as number
      if (id > this.#highestId) this.#highestId = id
      else this.#ascends = false
      if (table !== undefined) this.#enter(table, row)
    }
    return firstRow
  }

  /** Rows of a damaged block: as if they were not there. */
  forget(firstRow: number, count: number): void {
    this.#forgets++
    this.#byMessage = undefined
    this.#ascends = false
    this.#ids.fill(forgotten, firstRow * idsOfMessage, (firstRow + count) * idsOfMessage)
  }
}

export const longer = <T extends Float64Array | Uint32Array>(former: T, length: number): T => {
  const column = new (former.constructor as new (length: number) => T)(length)
  column.set(former)
  return column
}

/** Octets of the file are numbers as they lie in memory. */
export const copyInto = (
  target: Float64Array | Uint32Array,
  at: number,
  bytes: Buffer,
  from: number,
  lengthBytes: number,
): void => {
  const octets = new Uint8Array(target.buffer, at * target.BYTES_PER_ELEMENT, lengthBytes)
  octets.set(bytes.subarray(from, from + lengthBytes))
}
