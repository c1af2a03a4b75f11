const nothing = Buffer.alloc(0)
/** `AUTH` in either case. */
const authVerb = 0x41555448

/** Octets that a session has not used yet, and the lines in them. */
export class LineInput {
  bytes: Buffer = nothing
  /** The first octet not used yet. */
  at = 0
  /** The line that `nextLine` found, without its line end: `bytes` from `start` to `end`. */
  start = 0
  end = 0
  /** How it ended: decides about a lone dot at the start of DATA. */
  lineEnd: 'crlf' | 'lf' = 'crlf'
  /** The rest of a line that was too long is being thrown away. */
  skipping = false

  get isEmpty(): boolean {
    return this.at === this.bytes.length
  }

  get waitingBytes(): number {
    return this.bytes.length - this.at
  }

  push(chunk: Buffer): void {
    this.bytes = this.isEmpty ? chunk : Buffer.concat([this.bytes.subarray(this.at), chunk])
    this.at = 0
  }

  clear(): void {
    this.bytes = nothing
    this.at = 0
  }

  /** Lets go of the chunk when all of it was used. */
  release(): void {
    if (this.isEmpty) this.clear()
  }

  /** AUTH with an initial response is a long line too; what it is cannot be known before it is complete. */
  nextLine(limitBytes: number, authLimitBytes: number): 'none' | 'line' | 'too-long' {
    const { bytes, at } = this
    const lf = bytes.indexOf(10, at)
    const lengthBytes = (lf < 0 ? bytes.length : lf) - at
    const tooLong = lengthBytes > limitBytes && lengthBytes > (this.#isAuth() ? authLimitBytes : limitBytes)
    if (lf < 0) {
      this.skipping ||= tooLong
      if (this.skipping) this.at = bytes.length
      return 'none'
    }
    this.at = lf + 1
    if (this.skipping || tooLong) {
      this.skipping = false
      return 'too-long'
    }
    let end = lf
    while (end > at && bytes[end - 1] === 13) end--
    // RFC 854: telnet sends CR NUL for the CR that a script gave it.
    if (end - at > 1 && bytes[end - 1] === 0 && bytes[end - 2] === 13) end -= 2
    this.lineEnd = end < lf ? 'crlf' : 'lf'
    this.start = at
    this.end = end
    return 'line'
  }

  #isAuth(): boolean {
    const { bytes, at } = this
    return bytes.length > at + 3 && (bytes.readUInt32BE(at) & 0xdfdfdfdf) >>> 0 === authVerb
  }
}
