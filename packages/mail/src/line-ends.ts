import { alignedWords, nextControl } from './control-octets.ts'

const lf = 0x0a
const cr = 0x0d
const dot = 0x2e
const nothing = Buffer.alloc(0)

/** Finds the ends of lines in chunks, and notices lines that are not as they should be. */
export class LineEnds {
  /** A line feed without CR came. */
  bareLf = false
  /** Octets that are missing where a CR or LF stands alone: with them each line that has an end has CRLF. */
  missingOctets = 0
  #allPlain = true
  #chunk: Buffer = nothing
  #words: Int32Array | undefined
  /** The last octet before the chunk, and in it; a message begins with a line. */
  #before = lf
  #last = lf

  /**
   * So far all were lines that a dot-stuffed transfer (RFC 1939 §3, RFC 5321 §4.5.2) sends as they are: each ends with
   * CRLF, the last one too, no CR or LF stands elsewhere, none begins with a dot.
   */
  get arePlain(): boolean {
    return this.#allPlain && this.#last === lf
  }

  /** @param chunk of one octet at least; not looked at after the next one is opened */
  open(chunk: Buffer): void {
    const before = this.#last
    const first = chunk[0]
    if (before === cr && first !== lf) this.#bareCr()
    if (before === lf && first === dot) this.#allPlain = false
    this.#before = before
    this.#last = chunk[chunk.length - 1] as number
    this.#chunk = chunk
    this.#words = alignedWords(chunk)
  }

  /** Where the line that `from` lies in has its line feed; -1: not in this chunk. Every octet is to be asked for. */
  next(from: number): number {
    const chunk = this.#chunk
    for (let at = nextControl(chunk, this.#words, from); at < chunk.length; ) {
      const octet = chunk[at]
      if (octet === cr && chunk[at + 1] === lf) return this.#lineFeed(at + 1)
      if (octet === lf) {
        if ((at > 0 ? chunk[at - 1] : this.#before) !== cr) {
          this.bareLf = true
          this.missingOctets++
          this.#allPlain = false
        }
        return this.#lineFeed(at)
      }
      // What follows a CR at the chunk's end comes with the next one.
      if (octet === cr && at + 1 < chunk.length) this.#bareCr()
      at = nextControl(chunk, this.#words, at + 1)
    }
    return -1
  }

  #bareCr(): void {
    this.missingOctets++
    this.#allPlain = false
  }

  #lineFeed(at: number): number {
    if (this.#chunk[at + 1] === dot) this.#allPlain = false
    return at
  }
}
