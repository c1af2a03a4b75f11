/** Gives memory for a read. */
export type Allocate = (lengthBytes: number) => Buffer

export const freshMemory: Allocate = (lengthBytes) => Buffer.allocUnsafeSlow(lengthBytes)

const usualBatchBytes = 1024 * 1024
/** Larger reads have memory of their own. */
const maxBytes = 8 * 1024 * 1024

/** Memory that batch after batch is read into, as long as the reader of the batches is done with the last one. */
export class ReadMemory {
  readonly #isFree: () => boolean
  readonly #roomBytes: number
  #buffer: Buffer | undefined
  #used = 0
  #batches = 0

  /** @param batchBytes a batch usually has: room is made for twice that */
  constructor(isFree: () => boolean, batchBytes = usualBatchBytes) {
    this.#isFree = isFree
    this.#roomBytes = batchBytes * 2
  }

  /** For the reads of one more batch. */
  forBatch(): Allocate {
    // Who reads one batch only needs no room for more of them.
    if (++this.#batches === 1) return freshMemory
    if (this.#buffer !== undefined) {
      if (this.#isFree()) this.#used = 0
      else this.#buffer = undefined
    }
    return (lengthBytes) => this.#take(lengthBytes)
  }

  #take(lengthBytes: number): Buffer {
    if (lengthBytes > maxBytes) return freshMemory(lengthBytes)
    let buffer = this.#buffer
    if (buffer === undefined || buffer.length - this.#used < lengthBytes) {
      // What the batch has read so far stays where it is.
      buffer = freshMemory(Math.max(this.#roomBytes, lengthBytes))
      this.#buffer = buffer
      this.#used = 0
    }
    const from = this.#used
    this.#used += lengthBytes
    return buffer.subarray(from, this.#used)
  }
}
