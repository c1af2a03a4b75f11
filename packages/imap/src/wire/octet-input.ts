const lineFeed = 0x0a
const carriageReturn = 0x0d
const lineEnd = Buffer.from('\r\n')
const nothing: Buffer = Buffer.alloc(0)
/** Enough of a dropped line to see `~{9223372036854775807+}` CR at its end. */
const tailBytes = 32

/** What arrived and was not yet used, in whatever pieces it came: lines and octets are taken out of it. */
export class OctetInput {
  #arrived: Buffer = nothing
  /** Beginning of a line whose end has not come; grows by doubling. */
  #held: Buffer = nothing
  #heldBytes = 0

  push(chunk: Buffer): void {
    this.#arrived = this.#arrived.length === 0 ? chunk : Buffer.concat([this.#arrived, chunk])
  }

  /** Octets that were not yet looked at. */
  get pendingBytes(): number {
    return this.#arrived.length
  }

  get empty(): boolean {
    return this.#arrived.length + this.#heldBytes === 0
  }

  /** The beginning of what was not yet looked at. */
  peek(maxBytes: number): Buffer {
    return this.#arrived.subarray(0, maxBytes)
  }

  /** A copy of the beginning of the line under way, held or not. */
  beginning(maxBytes: number): Buffer {
    const held = this.#held.subarray(0, Math.min(maxBytes, this.#heldBytes))
    return Buffer.concat([held, this.#arrived.subarray(0, maxBytes)])
  }

  clear(): void {
    this.#arrived = nothing
    this.dropLine()
  }

  /** Forgets the line under way, as far as it was looked at. */
  dropLine(): void {
    this.#held = nothing
    this.#heldBytes = 0
  }

  /** Of the line under way only the end is of interest any more. */
  keepTail(): void {
    const tail = this.#held.subarray(Math.max(0, this.#heldBytes - tailBytes), this.#heldBytes)
    this.dropLine()
    this.#hold(tail, tailBytes)
  }

  /** One line without its end, of at most `limitBytes`; undefined while it has not come whole. */
  takeLine(limitBytes: number): Buffer | 'too-long' | undefined {
    const arrived = this.#arrived
    const end = arrived.indexOf(lineFeed)
    const lineBytes = end < 0 ? arrived.length : end
    if (lineBytes > limitBytes - this.#heldBytes + 1) return 'too-long'
    if (end < 0) {
      if (arrived.length > 0) this.#hold(arrived, limitBytes)
      this.#arrived = nothing
      return undefined
    }
    let line = arrived.subarray(0, end)
    if (this.#heldBytes > 0) {
      this.#hold(line, limitBytes)
      line = this.#held.subarray(0, this.#heldBytes)
      this.dropLine()
    }
    this.#arrived = end + 1 === arrived.length ? nothing : arrived.subarray(end + 1)
    if (line[line.length - 1] === carriageReturn) line = line.subarray(0, -1)
    if (line.length <= limitBytes) return line
    this.#arrived = Buffer.concat([lineEnd, this.#arrived])
    this.#hold(line, limitBytes)
    return 'too-long'
  }

  /** Up to `maxBytes` of what is there. */
  take(maxBytes: number): Buffer {
    const part = this.#arrived.subarray(0, maxBytes)
    this.#arrived = part.length === this.#arrived.length ? nothing : this.#arrived.subarray(part.length)
    return part
  }

  /** Drops up to the end of the line. Gives the line's last octets; undefined while its end has not come. */
  skipLine(): Buffer | undefined {
    const end = this.#arrived.indexOf(lineFeed)
    const part = this.#arrived.subarray(
      Math.max(0, (end < 0 ? this.#arrived.length : end) - tailBytes),
      end < 0 ? undefined : end,
    )
    const tail = Buffer.concat([this.#held.subarray(0, this.#heldBytes), part]).subarray(-tailBytes)
    this.dropLine()
    if (end < 0) {
      this.#arrived = nothing
      this.#hold(tail, tailBytes)
      return undefined
    }
    this.#arrived = this.#arrived.subarray(end + 1)
    return tail[tail.length - 1] === carriageReturn ? tail.subarray(0, -1) : tail
  }

  #hold(part: Buffer, limitBytes: number): void {
    const needed = this.#heldBytes + part.length
    if (needed > this.#held.length) {
      const grown = Buffer.allocUnsafe(Math.max(256, needed, Math.min(needed * 2, limitBytes + 2)))
      this.#held.copy(grown, 0, 0, this.#heldBytes)
      this.#held = grown
    }
    part.copy(this.#held, this.#heldBytes)
    this.#heldBytes = needed
  }
}
