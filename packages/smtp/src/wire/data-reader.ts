import { alignedWords, nextControl } from '@posthorn/mail'

/** Where the message's octets go. Chunks may be views of the input: consume or copy before returning. */
export type OctetSink = (chunk: Uint8Array) => void

const cr = 0x0d
const lf = 0x0a
const dot = 0x2e
const crlf = Buffer.from('\r\n')
const spaces = Buffer.alloc(64, ' ')

type State =
  /** At the start of a line. */
  | 'start'
  | 'text'
  /** CRs seen whose meaning the next octet tells; they are not given on yet. */
  | 'cr'
  /** A dot at the start of a line, removed. */
  | 'dot'
  /** The same with one CR behind it. */
  | 'dot-cr'
  | 'end'

/**
 * The content of DATA: undoes dot-stuffing and finds the end. RFC 5321 §4.1.1.4 and §4.5.2.
 *
 * Only CR LF . CR LF ends the data. As Postfix 3.9 does by default (smtpd_forbid_bare_newline = normalize,
 * cleanup_replace_stray_cr_lf): a bare LF is a line end and becomes CR LF, but a dot between bare line ends
 * is text; CRs before CR LF are dropped; any other CR becomes a space. So no line end but CR LF is ever
 * passed on (SMTP smuggling, CVE-2023-51764). With `lenient` (smtpd_forbid_bare_newline_exclusions) LF . LF
 * ends the data too.
 *
 * A push machine: octets in any pieces, the same outcome.
 */
export class DataReader {
  readonly #sink: OctetSink
  readonly #lenient: boolean
  readonly #dots: boolean
  #state: State = 'start'
  /** The line before ended with CR LF, so that a lone dot may end the data. */
  #afterCrlf: boolean
  #crs = 0
  /** Octets given on so far. */
  sizeBytes = 0
  /** A line ended with LF alone. */
  sawBareLf = false

  constructor(options: {
    readonly sink: OctetSink
    readonly bareLf: 'strict' | 'lenient'
    /** How the DATA command line ended. */
    readonly commandEnd: 'crlf' | 'lf'
    /** 'counted': BDAT (RFC 3030), where dots mean nothing and `finish` is called at the end. */
    readonly framing?: 'dot' | 'counted'
  }) {
    this.#sink = options.sink
    this.#lenient = options.bareLf === 'lenient'
    this.#dots = options.framing !== 'counted'
    this.#afterCrlf = this.#lenient || options.commandEnd === 'crlf'
  }

  get ended(): boolean {
    return this.#state === 'end'
  }

  /** Reads from `bytes[at]`; returns the position after what belongs to the data. */
  push(bytes: Uint8Array, at: number): number {
    const end = bytes.length
    const words = alignedWords(bytes)
    let from = at
    let i = at
    while (i < end) {
      if (this.#state === 'start' || this.#state === 'text') {
        const mark = this.#pass(bytes, words, i)
        if (mark.dropped) {
          this.#give(bytes, from, mark.at)
          from = mark.at + 1
          i = from
          continue
        }
        // A CR LF inside one chunk stays part of the run that is given on as it is.
        if (mark.at >= end) {
          i = end
          break
        }
        this.#give(bytes, from, mark.at)
        i = this.#lineEnd(bytes, mark.at)
        from = i
        continue
      }
      i = this.#held(bytes, i)
      from = i
      if (this.ended) return i
    }
    this.#give(bytes, from, end)
    return end
  }

  /** After the last BDAT: an unfinished last line gets its line end. */
  finish(): void {
    if (this.#state !== 'start') this.#endLine('crlf')
    this.#state = 'end'
  }

  /** Runs over plain text and proper line ends up to what needs care: a leading dot, a CR or LF alone, a CR at the end. */
  #pass(bytes: Uint8Array, words: Int32Array | undefined, at: number): { at: number; dropped: boolean } {
    const end = bytes.length
    let i = at
    let start = this.#state === 'start'
    while (i < end) {
      if (start) {
        start = false
        if (bytes[i] === dot && this.#dots) {
          this.#state = 'dot'
          return { at: i, dropped: true }
        }
      }
      i = nextControl(bytes, words, i)
      while (i < end && bytes[i] !== lf && bytes[i] !== cr) i = nextControl(bytes, words, i + 1)
      if (i === end) {
        this.#state = 'text'
        return { at: end, dropped: false }
      }
      if (bytes[i] === lf || bytes[i + 1] !== lf) {
        this.#state = 'text'
        return { at: i, dropped: false }
      }
      i += 2
      start = true
      this.#afterCrlf = true
    }
    this.#state = 'start'
    return { at: end, dropped: false }
  }

  /** At a bare LF or a CR that no LF follows in this chunk. */
  #lineEnd(bytes: Uint8Array, at: number): number {
    if (bytes[at] === lf) this.#endLine('lf')
    else {
      this.#state = 'cr'
      this.#crs = 1
    }
    return at + 1
  }

  /** One octet in a state that holds something back. */
  #held(bytes: Uint8Array, at: number): number {
    const octet = bytes[at] as number
    if (this.#state === 'cr') return this.#afterCr(octet, at)
    const endsLine = octet === lf
    if (endsLine && this.#afterCrlf && (this.#state === 'dot-cr' || this.#lenient)) {
      this.#state = 'end'
      return at + 1
    }
    if (this.#state === 'dot-cr') {
      this.#crs = 1
      this.#state = 'cr'
      return this.#afterCr(octet, at)
    }
    if (octet === cr) this.#state = 'dot-cr'
    else if (endsLine) this.#endLine('lf')
    else {
      this.#state = 'text'
      return at
    }
    return at + 1
  }

  #afterCr(octet: number, at: number): number {
    if (octet === lf) this.#endLine('crlf')
    else if (octet === cr) this.#crs++
    else {
      for (let left = this.#crs; left > 0; left -= spaces.length) {
        this.#emit(spaces.subarray(0, Math.min(left, spaces.length)))
      }
      this.#state = 'text'
      return at
    }
    return at + 1
  }

  #endLine(how: 'crlf' | 'lf'): void {
    if (how === 'lf') this.sawBareLf = true
    this.#emit(crlf)
    this.#state = 'start'
    this.#afterCrlf = this.#lenient || how === 'crlf'
  }

  #give(bytes: Uint8Array, from: number, to: number): void {
    if (to > from) this.#emit(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to))
  }

  #emit(chunk: Uint8Array): void {
    this.sizeBytes += chunk.length
    this.#sink(chunk)
  }
}
