/** Gives memory for a read. */
export type Allocate = (lengthBytes: number) => Buffer

export const freshMemory: Allocate = (lengthBytes) => Buffer.allocUnsafeSlow(lengthBytes)

const firstBytes = 2 * 1024 * 1024
/** Larger reads have memory of their own. */
const maxBytes = 8 * 1024 * 1024

/** Memory that batch after batch is read into, as long as the reader of the batches is done with the last one. */
export class ReadMemory {
  readonly #isFree: () => boolean
  #buffer: Buffer | undefined
  #used = 0
  #batches = 0

  constructor(isFree: () => boolean) {
    this.#isFree = isFree
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
      buffer = freshMemory(Math.max(firstBytes, lengthBytes))
      this.#buffer = buffer
      this.#used = 0
    }
    const from = this.#used
    this.#used += lengthBytes
    return buffer.subarray(from, this.#used)
  }
}
