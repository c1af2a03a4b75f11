const lineEnd = Buffer.from('\r\n')
const nothing: Buffer = Buffer.alloc(0)

/**
 * The lines of a command around its literals, put together as they come: a command of thousands of literals is looked at
 * after each, and must not be copied each time.
 */
export class CommandText {
  /** Room for more behind what is taken. */
  #room: Buffer = nothing
  #takenBytes = 0
  #lines = 0

  get isEmpty(): boolean {
    return this.#lines === 0
  }

  /** All lines so far, CR LF between them. It stays as it is when more are added. */
  get octets(): Buffer {
    return this.#room.subarray(0, this.#takenBytes)
  }

  add(line: Buffer): void {
    // Most commands are one line, which need not be copied.
    if (this.#lines === 0) {
      this.#room = line
      this.#takenBytes = line.length
    } else {
      const needed = this.#takenBytes + lineEnd.length + line.length
      if (this.#lines === 1 || needed > this.#room.length) this.#grow(needed)
      lineEnd.copy(this.#room, this.#takenBytes)
      line.copy(this.#room, this.#takenBytes + lineEnd.length)
      this.#takenBytes = needed
    }
    this.#lines++
  }

  clear(): void {
    this.#room = nothing
    this.#takenBytes = 0
    this.#lines = 0
  }

  #grow(neededBytes: number): void {
    const grown = Buffer.allocUnsafe(Math.max(256, 2 * neededBytes))
    this.#room.copy(grown, 0, 0, this.#takenBytes)
    this.#room = grown
  }
}
