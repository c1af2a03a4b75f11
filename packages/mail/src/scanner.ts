import { isAscii } from 'node:buffer'
import { LineCarry } from './line-carry.ts'
import { LineEnds } from './line-ends.ts'
import { MimeBuilder, maxCandidateBytes, maxHeaderBytes } from './mime-builder.ts'
import { asBuffer } from './octets.ts'
import type { MessageSummary } from './summary.ts'

/** Reads a message once as it streams by. Total, linear; any chunking gives the same summary. */
export interface MessageScanner {
  /** The chunk is not kept. */
  push(chunk: Uint8Array): void
  finish(): MessageSummary
  /** Of what was pushed, see `LineEnds`. */
  readonly missingOctets: number
}

/** RFC 5322 header, RFC 2045–2046 structure. Lines end with CRLF or LF; octets are never changed. */
export const createMessageScanner = (): MessageScanner => new Scanner()

/** One go over a message in memory. */
export const scanMessage = (message: Uint8Array): MessageSummary => {
  const scanner = createMessageScanner()
  scanner.push(message)
  return scanner.finish()
}

const lf = 0x0a
const cr = 0x0d
const hyphen = 0x2d

class Scanner implements MessageScanner {
  readonly #mime = new MimeBuilder()
  readonly #carry = new LineCarry()
  readonly #ends = new LineEnds()
  /** Octets before the current chunk. */
  #before = 0
  /** The last two octets before the current chunk. */
  #last = 0
  #secondLast = 0
  #lines = 0
  /** Length of the line end before the carried line. */
  #carryLineEndBytes = 0
  #eightBitBody = false
  #nul = false

  push(bytes: Uint8Array): void {
    const chunk = asBuffer(bytes)
    const end = chunk.length
    if (end === 0) return
    this.#nul ||= chunk.includes(0)
    this.#ends.open(chunk)
    let at = this.#carry.sizeBytes > 0 ? this.#finishCarriedLine(chunk) : 0
    while (at < end) {
      if (this.#mime.inHeader) at = this.#scanHeader(chunk, at)
      else if (this.#mime.hasBoundaries) at = this.#scanBody(chunk, at)
      else at = this.#countLines(chunk, at)
    }
    if (!this.#eightBitBody) this.#noticeEightBit(chunk)
    this.#secondLast = end > 1 ? (chunk[end - 2] as number) : this.#last
    this.#last = chunk[end - 1] as number
    this.#before += end
  }

  finish(): MessageSummary {
    const size = this.#carry.sizeBytes
    if (size > 0) {
      const line = this.#carry.bytes()
      const start = this.#before - size
      if (this.#carry.truncated) this.#mime.skipHeaderLine()
      else if (this.#mime.inHeader) this.#headerLine(line, 0, line.length, start, this.#before)
      else this.#isDelimiter(line, 0, line.length, start, this.#before)
    }
    return this.#mime.finish(this.#before, this.#lines, {
      eightBitBody: this.#eightBitBody,
      nul: this.#nul,
      bareLf: this.#ends.bareLf,
      plainLines: this.#ends.arePlain,
    })
  }

  get missingOctets(): number {
    return this.#ends.missingOctets
  }

  #noticeEightBit(chunk: Buffer): void {
    const bodyStart = this.#mime.rootBodyStart
    if (bodyStart === undefined || isAscii(chunk)) return
    const from = Math.max(0, bodyStart - this.#before)
    this.#eightBitBody = from === 0 || !isAscii(chunk.subarray(from))
  }

  /** A line that is whole only with octets of earlier chunks. Returns where the next line starts. */
  #finishCarriedLine(chunk: Buffer): number {
    const lineFeed = this.#ends.next(0)
    const end = lineFeed < 0 ? chunk.length : lineFeed + 1
    this.#carry.append(chunk, 0, end)
    if (lineFeed < 0) return end
    const line = this.#carry.bytes()
    const lineEnd = this.#before + end
    const start = lineEnd - this.#carry.sizeBytes
    if (this.#mime.inHeader) {
      if (this.#carry.truncated) this.#mime.skipHeaderLine()
      else this.#headerLine(line, 0, line.length, start, lineEnd)
    } else if (!this.#carry.truncated) this.#isDelimiter(line, 0, line.length, start, lineEnd)
    this.#lines++
    this.#carry.begin(0)
    return end
  }

  #carryLine(chunk: Buffer, start: number, limit: number): number {
    if (start === chunk.length) return start
    this.#carryLineEndBytes = this.#lineEndBefore(chunk, start)
    this.#carry.begin(limit)
    this.#carry.append(chunk, start, chunk.length)
    return chunk.length
  }

  /** Length of the line end before `start`, which is the first octet of a line. */
  #lineEndBefore(chunk: Buffer, start: number): number {
    if (this.#before + start === 0) return 0
    const before = start >= 2 ? chunk[start - 2] : start === 1 ? this.#last : this.#secondLast
    return before === cr ? 2 : 1
  }

  #scanHeader(chunk: Buffer, at: number): number {
    let textStart = at
    let start = at
    const delimited = this.#mime.hasBoundaries
    for (let i = this.#ends.next(at); i >= 0; i = this.#ends.next(start)) {
      const crlf = (i > 0 ? chunk[i - 1] : this.#last) === cr
      const empty = i === start || (crlf && i === start + 1)
      const candidate = delimited && chunk[start] === hyphen && chunk[start + 1] === hyphen
      if (empty || candidate) {
        this.#addHeaderLines(chunk, textStart, start)
        textStart = start
        if (this.#headerLine(chunk, start, i + 1, this.#before + start, this.#before + i + 1)) {
          this.#lines++
          return i + 1
        }
        textStart = i + 1
      }
      this.#lines++
      start = i + 1
    }
    this.#addHeaderLines(chunk, textStart, start)
    return this.#carryLine(chunk, start, maxHeaderBytes)
  }

  /** Whole lines; line by line when they may not all fit, so that chunking makes no difference. */
  #addHeaderLines(chunk: Buffer, start: number, end: number): void {
    if (start === end) return
    if (end - start <= this.#mime.headerRoomBytes) {
      this.#mime.addHeader(chunk.toString('latin1', start, end))
      return
    }
    for (let line = start; line < end; ) {
      const lineFeed = chunk.indexOf(lf, line)
      const next = lineFeed < 0 ? end : lineFeed + 1
      if (next - line > this.#mime.headerRoomBytes) this.#mime.skipHeaderLine()
      else this.#mime.addHeader(chunk.toString('latin1', line, next))
      line = next
    }
  }

  /** One line of a header. True when it ended the header: the empty line, or a delimiter. */
  #headerLine(line: Buffer, start: number, end: number, position: number, positionEnd: number): boolean {
    const first = line[start]
    if (first === lf || (first === cr && line[start + 1] === lf && end - start === 2)) {
      this.#mime.endHeader(positionEnd, this.#lines + 1)
      return true
    }
    if (this.#isDelimiter(line, start, end, position, positionEnd)) return true
    this.#addHeaderLines(line, start, end)
    return false
  }

  #isDelimiter(line: Buffer, start: number, end: number, position: number, positionEnd: number): boolean {
    if (!this.#mime.hasBoundaries || line[start] !== hyphen || line[start + 1] !== hyphen) return false
    if (end - start > maxCandidateBytes) return false
    let textEnd = end
    if (line[textEnd - 1] === lf) textEnd--
    if (line[textEnd - 1] === cr) textEnd--
    const text = line.toString('latin1', start, textEnd)
    const brokenOff = line[end - 1] !== lf
    const carried = position < this.#before
    const lineEndBytes = carried ? this.#carryLineEndBytes : this.#lineEndBefore(line, start)
    return this.#mime.delimiter(text, position, positionEnd, lineEndBytes, this.#lines, brokenOff)
  }

  /** Bodies inside a multipart: delimiters are looked for, lines counted. `at` is a line's first octet. */
  #scanBody(chunk: Buffer, at: number): number {
    let start = at
    for (;;) {
      const lineFeed = this.#ends.next(start)
      if (lineFeed < 0) return this.#carryLine(chunk, start, maxCandidateBytes)
      const end = lineFeed + 1
      const candidate = chunk[start] === hyphen && chunk[start + 1] === hyphen
      const found =
        candidate && this.#isDelimiter(chunk, start, end, this.#before + start, this.#before + end)
      this.#lines++
      if (found || end === chunk.length) return end
      start = end
    }
  }

  /** No delimiter can come any more. */
  #countLines(chunk: Buffer, at: number): number {
    for (let i = this.#ends.next(at); i >= 0; i = this.#ends.next(i + 1)) this.#lines++
    return chunk.length
  }
}
