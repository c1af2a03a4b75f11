/** A line that began in an earlier chunk. Grows by doubling; keeps at most `limit` octets, counts all. */
export class LineCarry {
  #buffer: Buffer = Buffer.allocUnsafe(256)
  #kept = 0
  #limit = 0
  /** Octets of the line so far, kept or not. */
  sizeBytes = 0

  get truncated(): boolean {
    return this.sizeBytes > this.#kept
  }

  /** The octets kept. Valid until the next call. */
  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#kept)
  }

  begin(limit: number): void {
    this.#limit = limit
    this.#kept = 0
    this.sizeBytes = 0
  }

  append(chunk: Buffer, start: number, end: number): void {
    this.sizeBytes += end - start
    const length = Math.min(end - start, this.#limit - this.#kept)
    if (length <= 0) return
    if (this.#kept + length > this.#buffer.length) this.#grow(this.#kept + length)
    chunk.copy(this.#buffer, this.#kept, start, start + length)
    this.#kept += length
  }

  #grow(needed: number): void {
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2))
    this.#buffer.copy(larger, 0, 0, this.#kept)
    this.#buffer = larger
  }
}
