import { firstPlaceOf } from '../strewn-ids.ts'

const defaultMaxBytes = 32 * 1024 * 1024
/** Longer values are read each time. */
const maxValueBytes = 2_048
const firstRoom = 64
/** There is no such field. */
const none = 1

/**
 * Decoded, case folded fields in UTF-8, one after the other; a message with several fields of the name has them joined by
 * line ends. A message of 30 octets costs some 50.
 */
export class HeaderColumn {
  /** By number: whose value it is, where it ends, whether there is one. */
  #uids = new Uint32Array(firstRoom)
  #ends = new Uint32Array(firstRoom)
  #kinds = new Uint8Array(firstRoom)
  #count = 0
  /** Numbers + 1, where the UID says or behind; 0: free. A power of two. */
  #byUid = new Uint32Array(firstRoom * 4)
  #bytes = Buffer.allocUnsafeSlow(firstRoom * 32)

  get sizeBytes(): number {
    return this.#bytes.length + this.#uids.length * 9 + this.#byUid.length * 4
  }

  /** Whether the message's value contains these octets, '' asks for the field; undefined: not known. */
  includes(uid: number, needle: Buffer): boolean | undefined {
    const number = (this.#byUid[this.#placeOf(uid)] as number) - 1
    if (number < 0) return undefined
    if (this.#kinds[number] === none) return false
    if (needle.length === 0) return true
    const start = number === 0 ? 0 : (this.#ends[number - 1] as number)
    return this.#bytes.subarray(start, this.#ends[number]).includes(needle)
  }

  /** @param value null: no such field */
  set(uid: number, value: string | null): void {
    const octets = value === null ? 0 : Buffer.byteLength(value)
    // Half a character has no octets of its own.
    if (octets > maxValueBytes || (value !== null && !value.isWellFormed())) return
    if (this.#count === this.#uids.length) this.#grow()
    const place = this.#placeOf(uid)
    if (this.#byUid[place] !== 0) return
    const start = this.#count === 0 ? 0 : (this.#ends[this.#count - 1] as number)
    if (start + octets > this.#bytes.length) {
      const bytes = Buffer.allocUnsafeSlow(Math.ceil((start + octets) * 1.5))
      this.#bytes.copy(bytes, 0, 0, start)
      this.#bytes = bytes
    }
    if (value !== null) this.#bytes.write(value, start)
    this.#uids[this.#count] = uid
    this.#ends[this.#count] = start + octets
    this.#kinds[this.#count] = value === null ? none : 0
    this.#byUid[place] = ++this.#count
  }

  /** Where the message is, or would be. */
  #placeOf(uid: number): number {
    const last = this.#byUid.length - 1
    for (let place = firstPlaceOf(uid) & last; ; place = (place + 1) & last) {
      const number = (this.#byUid[place] as number) - 1
      if (number < 0 || this.#uids[number] === uid) return place
    }
  }

  #grow(): void {
    const room = Math.ceil(this.#count * 1.5)
    const longer = <T extends Uint32Array | Uint8Array>(former: T, column: T): T => {
      column.set(former)
      return column
    }
    this.#uids = longer(this.#uids, new Uint32Array(room))
    this.#ends = longer(this.#ends, new Uint32Array(room))
    this.#kinds = longer(this.#kinds, new Uint8Array(room))
    if (room * 1.5 <= this.#byUid.length) return
    this.#byUid = new Uint32Array(this.#byUid.length * 2)
    for (let number = 0; number < this.#count; number++)
      this.#byUid[this.#placeOf(this.#uids[number] as number)] = number + 1
  }
}

/**
 * Header fields that were searched before, for all sessions of a process: a message never changes and its UID
 * is never used again. Bounded; the columns used longest ago make room.
 */
export class HeaderColumns {
  readonly #maxBytes: number
  readonly #columns = new Map<string, HeaderColumn>()

  constructor(maxBytes = defaultMaxBytes) {
    this.#maxBytes = maxBytes
  }

  of(mailbox: number, name: string): HeaderColumn {
    const key = `${mailbox} ${name}`
    const column = this.#columns.get(key) ?? new HeaderColumn()
    this.#columns.delete(key)
    this.#columns.set(key, column)
    return column
  }

  get sizeBytes(): number {
    let sum = 0
    for (const { sizeBytes } of this.#columns.values()) sum += sizeBytes
    return sum
  }

  /** After each search. */
  trim(): void {
    let bytes = this.sizeBytes
    for (const [key, column] of this.#columns) {
      if (bytes <= this.#maxBytes) break
      bytes -= column.sizeBytes
      this.#columns.delete(key)
    }
  }
}
