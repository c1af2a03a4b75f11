import { firstPlaceOf } from '../strewn-ids.ts'
import { decodeRecord, recordBytes, type TextRecord } from './text-record.ts'
import { noStamp } from './text-stamp.ts'

export interface TextPlacesOfFile {
  readonly starts: Float64Array
  readonly ends: Float64Array
  readonly crcs: Uint32Array
}

const firstRoom = 64
/** Too long, or damaged: no text is kept. */
const noText = 1
/** A damaged record names no message; its place is taken so that numbers go on. */
const noMessage = -1

/** The records of one index by number, in columns: objects would take four times the memory. */
export class RecordTable {
  #count = 0
  #stamp = noStamp
  #messageIds = new Float64Array(firstRoom)
  #blobIds = new Float64Array(firstRoom)
  #sizes = new Float64Array(firstRoom)
  #kinds = new Uint8Array(firstRoom)
  #bodyStarts = new Float64Array(firstRoom)
  #places = { head: placesFor(firstRoom), body: placesFor(firstRoom) }
  /** Numbers + 1 of the last records of messages, where the id's hash says or behind; 0: free. A power of two. */
  #byMessage = new Uint32Array(firstRoom * 4)

  get count(): number {
    return this.#count
  }

  /** Of the last record. */
  get stamp(): number {
    return this.#stamp
  }

  /** Where bodies begin in the file of bodies: the headers of parts are before. */
  get bodyStarts(): Float64Array {
    return this.#bodyStarts
  }

  /** Where texts begin and end, and their checksums. */
  placesIn(file: 'head' | 'body'): TextPlacesOfFile {
    return this.#places[file]
  }

  /** What an index has behind what was added before; whole records are read. Gives back how many octets. */
  add(bytes: Buffer): number {
    this.#reserve(this.#count + Math.floor(bytes.length / recordBytes))
    let at = 0
    for (; at + recordBytes <= bytes.length; at += recordBytes) this.#add(decodeRecord(bytes, at))
    return at
  }

  /** The record of exactly this message, -1 when there is none. */
  find(messageId: number, blobId: number, sizeBytes: number): number {
    const number = (this.#byMessage[this.#placeOf(messageId)] as number) - 1
    if (number < 0) return -1
    return this.#blobIds[number] === blobId && this.#sizes[number] === sizeBytes ? number : -1
  }

  hasText(number: number): boolean {
    return this.#kinds[number] !== noText
  }

  #add(record: TextRecord | undefined): void {
    const number = this.#count++
    this.#messageIds[number] = record?.messageId ?? noMessage
    this.#stamp = record?.stamp ?? noStamp
    this.#kinds[number] = record === undefined || record.tooLong ? noText : 0
    if (record === undefined) return
    const { head, body } = this.#places
    this.#blobIds[number] = record.blobId
    this.#sizes[number] = record.sizeBytes
    head.starts[number] = record.headAt
    head.ends[number] = record.headAt + record.headBytes
    head.crcs[number] = record.headCrc
    body.starts[number] = record.bodyAt
    body.ends[number] = record.bodyAt + record.partBytes + record.bodyBytes
    body.crcs[number] = record.bodyCrc
    this.#bodyStarts[number] = record.bodyAt + record.partBytes
    this.#byMessage[this.#placeOf(record.messageId)] = number + 1
  }

  /** Where the message is in the table, or where it would be. */
  #placeOf(messageId: number): number {
    const last = this.#byMessage.length - 1
    let place = firstPlaceOf(messageId) & last
    for (;;) {
      const number = (this.#byMessage[place] as number) - 1
      if (number < 0 || this.#messageIds[number] === messageId) return place
      place = (place + 1) & last
    }
  }

  #reserve(count: number): void {
    const former = this.#blobIds.length
    if (count <= former) return
    const room = Math.max(count, former + (former >> 1))
    this.#messageIds = longer(this.#messageIds, room)
    this.#blobIds = longer(this.#blobIds, room)
    this.#sizes = longer(this.#sizes, room)
    this.#kinds = longer(this.#kinds, room)
    this.#bodyStarts = longer(this.#bodyStarts, room)
    const { head, body } = this.#places
    this.#places = { head: longerPlaces(head, room), body: longerPlaces(body, room) }
    if (room * 2 > this.#byMessage.length) this.#findAnew(room * 4)
  }

  #findAnew(room: number): void {
    this.#byMessage = new Uint32Array(2 ** Math.ceil(Math.log2(room)))
    for (let number = 0; number < this.#count; number++) {
      const messageId = this.#messageIds[number] as number
      if (messageId !== noMessage) this.#byMessage[this.#placeOf(messageId)] = number + 1
    }
  }
}

const placesFor = (room: number): TextPlacesOfFile => ({
  starts: new Float64Array(room),
  ends: new Float64Array(room),
  crcs: new Uint32Array(room),
})

const longerPlaces = ({ starts, ends, crcs }: TextPlacesOfFile, room: number): TextPlacesOfFile => ({
  starts: longer(starts, room),
  ends: longer(ends, room),
  crcs: longer(crcs, room),
})

/** The same column with room for more. */
export const longer = <T extends Float64Array | Uint32Array | Uint8Array>(former: T, length: number): T => {
  const column = new (former.constructor as new (length: number) => T)(length)
  column.set(former)
  return column
}
