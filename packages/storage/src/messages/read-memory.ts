/** Gives memory for a read. */
export type Allocate = (lengthBytes: number) => Buffer

export const freshMemory: Allocate = (lengthBytes) => Buffer.allocUnsafeSlow(lengthBytes)

const usualBatchBytes = 1024 * 1024
/** Larger reads have memory of their own. */
const maxBytes = 8 * 1024 * 1024

/** While one is on its way to the client, the other is read into. */
const maxRooms = 2

interface Room {
  readonly buffer: Buffer
  usedBytes: number
  /** The last one that was read into it. */
  batch: number
}

/** Memory that batch after batch is read into, as soon as the reader of the batches is done with what was there. */
export class ReadMemory {
  readonly #isFree: (batch: number) => boolean
  readonly #roomBytes: number
  #rooms: Room[] = []
  #room: Room | undefined
  #batch = 0

  /** @param batchBytes a batch usually has: room is made for twice that */
  constructor(isFree: (batch: number) => boolean, batchBytes = usualBatchBytes) {
    this.#isFree = isFree
    this.#roomBytes = batchBytes * 2
  }

  /** For the reads of a batch, of which the first is 0. */
  forBatch(batch: number): Allocate {
    this.#batch = batch
    // Who reads one batch only needs no room for more of them.
    if (batch === 0) return freshMemory
    this.#room = this.#rooms.find((room) => this.#isFree(room.batch))
    if (this.#room !== undefined) {
      this.#room.usedBytes = 0
      this.#room.batch = this.#batch
    }
    return (lengthBytes) => this.#take(lengthBytes)
  }

  #take(lengthBytes: number): Buffer {
    if (lengthBytes > maxBytes) return freshMemory(lengthBytes)
    let room = this.#room
    // What the batch has read so far stays where it is.
    if (room === undefined || room.buffer.length - room.usedBytes < lengthBytes)
      room = this.#make(lengthBytes)
    const from = room.usedBytes
    room.usedBytes += lengthBytes
    return room.buffer.subarray(from, room.usedBytes)
  }

  #make(lengthBytes: number): Room {
    const buffer = freshMemory(Math.max(this.#roomBytes, lengthBytes))
    const room = { buffer, usedBytes: 0, batch: this.#batch }
    this.#room = room
    this.#rooms = [room, ...this.#rooms].slice(0, maxRooms)
    return room
  }
}
