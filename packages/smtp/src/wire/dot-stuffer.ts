const cr = 0x0d
const lf = 0x0a
const dot = 0x2e
const crlf = Buffer.from('\r\n')
const crlfSpace = Buffer.from('\r\n ')
const crlfDot = Buffer.from('\r\n.')
const oneDot = Buffer.from('.')
const space = Buffer.from(' ')

/**
 * A message as DATA wants it: every line ends with CR LF, dots at line starts are doubled, no line is
 * longer than the limit. RFC 5321 §4.5.2 and §4.5.3.1.6. A bare LF becomes CR LF and a bare CR a space, so
 * that no server can see an end of data but ours (SMTP smuggling outward). Longer lines are broken as
 * Postfix does (smtp_line_length_limit): CR LF and a space.
 */
export class DotStuffer {
  readonly #limit: number
  readonly #dots: 'doubled' | 'kept'
  #column = 0
  /** A CR at the end of a chunk, not yet given on. */
  #heldCr = false

  /** @param lineLengthLimitBytes 0 = none. @param dots 'kept' for BDAT, whose end is counted. */
  constructor(lineLengthLimitBytes = 998, dots: 'doubled' | 'kept' = 'doubled') {
    this.#limit = lineLengthLimitBytes
    this.#dots = dots
  }

  /** The same octets, or a copy where something had to change. */
  push(bytes: Uint8Array): Uint8Array {
    const column = this.#heldCr ? undefined : columnAfter(bytes, this.#column, this.#limit, this.#dots)
    if (column === undefined) return this.#mended(bytes)
    this.#column = column
    return bytes
  }

  #mended(bytes: Uint8Array): Uint8Array {
    const pieces: Uint8Array[] = []
    let from = 0
    let i = 0
    const cut = (to: number, insert: Uint8Array, next: number): void => {
      if (to > from) pieces.push(bytes.subarray(from, to))
      pieces.push(insert)
      from = next
    }
    if (this.#heldCr && bytes.length > 0) {
      this.#heldCr = false
      if (bytes[0] === lf) {
        cut(0, crlf, 1)
        i = 1
        this.#column = 0
      } else {
        pieces.push(this.#blank())
      }
    }
    for (; i < bytes.length; i++) {
      const octet = bytes[i]
      if (octet === lf) {
        cut(i, crlf, i + 1)
        this.#column = 0
      } else if (octet === cr) {
        if (bytes[i + 1] === lf) {
          i++
          this.#column = 0
        } else if (i + 1 === bytes.length) {
          this.#heldCr = true
          pieces.push(bytes.subarray(from, i))
          from = i + 1
        } else {
          cut(i, this.#blank(), i + 1)
        }
      } else {
        if (this.#column === this.#limit && this.#limit > 0) {
          cut(i, crlfSpace, i)
          this.#column = 1
        } else if (octet === dot && this.#column === 0 && this.#dots === 'doubled') cut(i, oneDot, i)
        this.#column++
      }
    }
    if (pieces.length === 0) return bytes
    if (from < bytes.length) pieces.push(bytes.subarray(from))
    return Buffer.concat(pieces)
  }

  /** In the place of a bare CR. */
  #blank(): Uint8Array {
    if (this.#column !== this.#limit || this.#limit === 0) {
      this.#column++
      return space
    }
    this.#column = 1
    return crlfSpace
  }

  /** The end of the data. */
  finish(): Uint8Array {
    const open = this.#heldCr || this.#column > 0
    if (this.#dots === 'kept') return open ? crlf : new Uint8Array()
    return Buffer.concat([open ? crlfDot : oneDot, crlf])
  }
}

/** Nearly all mail: nothing has to change. The column behind the octets; undefined: something must. */
const columnAfter = (
  bytes: Uint8Array,
  column: number,
  limit: number,
  dots: 'doubled' | 'kept',
): number | undefined => {
  const end = bytes.length
  const longest = limit > 0 ? limit : Number.POSITIVE_INFINITY
  let lineStart = -column
  const doubles = dots === 'doubled'
  for (let i = 0; i < end; ) {
    let octet = bytes[i] as number
    if (doubles && octet === dot && i === lineStart) return undefined
    while (octet !== lf && octet !== cr && ++i < end) octet = bytes[i] as number
    if (i - lineStart > longest) return undefined
    if (i >= end) break
    if (octet === lf || bytes[i + 1] !== lf) return undefined
    i += 2
    lineStart = i
  }
  return end - lineStart
}
