/** Returned once for each line that is longer than the limit; the rest of that line is swallowed. */
export const overlongLine: unique symbol = Symbol('overlong line')

const lf = 10
const cr = 13

/**
 * Octets → lines, for protocols whose commands are lines. A push machine: the same lines come out
 * however the input is cut. A line ends at CRLF or at a bare LF; other CRs and NULs stay in the line for
 * the parser to judge. Holds at most `maxLineBytes` of an unfinished line, and the chunk it was given last.
 */
export class LineFramer {
  readonly maxLineBytes: number
  #chunk: Buffer | undefined
  #offset = 0
  /** Start of the line whose end is in a later chunk. */
  #partial: Buffer[] | undefined
  #partialBytes = 0
  #skipping = false

  /** @param maxLineBytes octets of a line without its ending. */
  constructor(maxLineBytes: number) {
    this.maxLineBytes = maxLineBytes
  }

  /** Gives more octets. What an earlier push left unread comes first. */
  push(chunk: Buffer): void {
    if (this.#chunk === undefined) this.#chunk = chunk
    else {
      this.#chunk = Buffer.concat([this.#chunk.subarray(this.#offset), chunk])
      this.#offset = 0
    }
  }

  /** The next line without its ending; `overlongLine`; or undefined when more octets are needed. */
  next(): Buffer | typeof overlongLine | undefined {
    while (this.#chunk !== undefined) {
      const chunk = this.#chunk
      const start = this.#offset
      const end = chunk.indexOf(lf, start)
      if (end < 0) {
        this.#chunk = undefined
        this.#offset = 0
        if (!this.#skipping && this.#keep(chunk.subarray(start))) return overlongLine
        return undefined
      }
      this.#offset = end + 1
      if (this.#offset === chunk.length) {
        this.#chunk = undefined
        this.#offset = 0
      }
      if (this.#skipping) {
        this.#skipping = false
        continue
      }
      return this.#complete(chunk, start, end)
    }
    return undefined
  }

  /** True when nothing at all is waiting: no line, no start of one. */
  get empty(): boolean {
    return this.#chunk === undefined && this.#partial === undefined && !this.#skipping
  }

  /** Octets given and not yet returned. */
  get pendingBytes(): number {
    return (this.#chunk === undefined ? 0 : this.#chunk.length - this.#offset) + this.#partialBytes
  }

  /** Everything unread, raw, and forgets it: for what follows lines (a literal, DATA, another protocol). */
  takeRest(): Buffer {
    const parts = this.#partial ?? []
    if (this.#chunk !== undefined) parts.push(this.#chunk.subarray(this.#offset))
    this.clear()
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
  }

  /** Drops everything: at STARTTLS nothing sent in the clear may be read as if it came encrypted. */
  clear(): void {
    this.#chunk = undefined
    this.#offset = 0
    this.#partial = undefined
    this.#partialBytes = 0
    this.#skipping = false
  }

  /** Keeps the start of a line; true when it has become too long. */
  #keep(piece: Buffer): boolean {
    if (piece.length === 0) return false
    const total = this.#partialBytes + piece.length
    // One octet more than the limit may be the CR of the ending.
    if (
      total > this.maxLineBytes + 1 ||
      (total === this.maxLineBytes + 1 && piece[piece.length - 1] !== cr)
    ) {
      this.#partial = undefined
      this.#partialBytes = 0
      this.#skipping = true
      return true
    }
    // A copy, so that three octets do not keep a read buffer of 64 KB alive.
    const copy = Buffer.from(piece)
    if (this.#partial === undefined) this.#partial = [copy]
    else this.#partial.push(copy)
    if (this.#partial.length > 64) this.#partial = [Buffer.concat(this.#partial)]
    this.#partialBytes = total
    return false
  }

  #complete(chunk: Buffer, start: number, end: number): Buffer | typeof overlongLine {
    let line: Buffer
    if (this.#partial === undefined) line = chunk.subarray(start, end)
    else {
      this.#partial.push(chunk.subarray(start, end))
      line = Buffer.concat(this.#partial)
      this.#partial = undefined
      this.#partialBytes = 0
    }
    if (line.length > 0 && line[line.length - 1] === cr) line = line.subarray(0, line.length - 1)
    return line.length > this.maxLineBytes ? overlongLine : line
  }
}
