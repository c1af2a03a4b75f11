import { findHeader, octetsOf, parameterText, parseParameters } from '@posthorn/mail'

/** Where a header field stands. Postfix: MIME_HDR_PRIMARY, MIME_HDR_MULTIPART, MIME_HDR_NESTED. */
export type HeaderPlace = 'header' | 'part' | 'nested'

/** Looks at one unit of a message: the octets in its place; the same object when nothing changes. */
export interface UnitReader {
  /** A field with its continuation lines and line end. */
  field(unit: Buffer, place: HeaderPlace): Buffer
  /**
   * @param offset octets of this body segment before the line.
   * @param encoding its Content-Transfer-Encoding, lower case; '' when none is named.
   */
  line(unit: Buffer, offset: number, encoding: string): Buffer
  /** The empty line between a header and its body. */
  separator?(unit: Buffer): void
  /** Lines from there on that end before the place it gives need not be shown to `line`. */
  suspectAt(bytes: Buffer, from: number): number
  /** Whether bodies need be looked at: lines of text, or headers of parts. */
  wants(what: 'lines' | 'parts'): boolean
  /** A multipart or message has a Content-Transfer-Encoding that its type forbids. */
  forbiddenEncoding?(): void
  /** Multiparts stand in each other beyond the limit. */
  tooDeep(): void
}

/** Postfix: line_length_limit; a longer line is looked at in pieces. */
const maxLineBytes = 2_048
export interface MimeLimits {
  /** Postfix: header_size_limit; what a field has beyond it is passed on unseen. */
  readonly fieldBytes: number
  /** Postfix: mime_nesting_limit. */
  readonly depth: number
  /** Postfix: mime_boundary_length_limit: a boundary counts so far. */
  readonly boundaryBytes: number
}

const lf = 0x0a
const cr = 0x0d
const hyphen = 0x2d
const lineOfHyphens = Buffer.from('\n--')

/**
 * Cuts a message that streams by into header fields and lines of text, following MIME parts and enclosed
 * messages as Postfix's mime_state(3) does. Holds one field or line at most, and the rest of the message not
 * at all when nobody wants to see it.
 */
export class MimeUnits {
  readonly #reader: UnitReader
  readonly #limits: MimeLimits
  readonly #boundaries: string[] = []
  #mode: 'fields' | 'lines' | 'rest' = 'fields'
  #place: HeaderPlace = 'header'
  #fieldSeen = false
  #contentType = ''
  #encoding = ''
  /** Of the body that is passing. */
  #bodyEncoding = ''
  #offset = 0
  #held: Buffer = Buffer.alloc(0)
  #heldBytes = 0

  constructor(reader: UnitReader, limits: MimeLimits) {
    this.#reader = reader
    this.#limits = limits
  }

  /** What may go on now. */
  push(chunk: Uint8Array): Buffer {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    if (this.#mode === 'rest' && this.#heldBytes === 0) return bytes
    return this.#process(this.#heldBytes === 0 ? bytes : this.#hold(bytes), 'more')
  }

  finish(): Buffer {
    return this.#process(this.#held.subarray(0, this.#heldBytes), 'over')
  }

  #hold(chunk: Buffer): Buffer {
    const needed = this.#heldBytes + chunk.length
    if (needed > this.#held.length) {
      const grown = Buffer.allocUnsafe(Math.max(needed, this.#held.length * 2, 1_024))
      this.#held.copy(grown, 0, 0, this.#heldBytes)
      this.#held = grown
    }
    chunk.copy(this.#held, this.#heldBytes)
    this.#heldBytes = needed
    return this.#held.subarray(0, needed)
  }

  #process(bytes: Buffer, end: 'more' | 'over'): Buffer {
    const out: Buffer[] = []
    let kept = 0
    let at = 0
    let suspect = -1
    while (at < bytes.length && this.#mode !== 'rest') {
      if (this.#mode === 'lines') {
        if (suspect < at) suspect = this.#reader.suspectAt(bytes, at)
        at = this.#pass(bytes, at, suspect)
        if (at === bytes.length) break
      }
      const next = this.#mode === 'fields' ? this.#fieldEnd(bytes, at, end) : lineEnd(bytes, at, end)
      if (next === undefined) break
      const unit = bytes.subarray(at, next)
      const done = this.#take(unit)
      if (done !== unit) {
        out.push(bytes.subarray(kept, at), done)
        kept = next
      }
      at = next
    }
    if (this.#mode === 'rest') at = bytes.length
    this.#held = Buffer.from(bytes.subarray(at))
    this.#heldBytes = this.#held.length
    if (out.length === 0) return bytes.subarray(0, at)
    out.push(bytes.subarray(kept, at))
    return Buffer.concat(out)
  }

  /** Over whole lines that nobody wants to see: up to a suspect one, or one that may be a boundary. */
  #pass(bytes: Buffer, at: number, suspect: number): number {
    if (suspect === at) return at
    let end = suspect === bytes.length ? bytes.lastIndexOf(lf) + 1 : bytes.lastIndexOf(lf, suspect - 1) + 1
    if (this.#boundaries.length > 0) {
      if (bytes[at] === hyphen && bytes[at + 1] === hyphen) return at
      const boundary = bytes.indexOf(lineOfHyphens, at)
      if (boundary !== -1 && boundary < end) end = boundary + 1
    }
    if (end <= at) return at
    this.#offset += end - at
    return end
  }

  #take(unit: Buffer): Buffer {
    if (this.#mode === 'lines') return this.#takeLine(unit)
    if (isEmptyLine(unit)) {
      this.#startBody()
      this.#reader.separator?.(unit)
      return unit
    }
    if (this.#fieldSeen && isBlank(unit[0])) return unit
    const colon = fieldColon(unit)
    if (colon === undefined) {
      return this.#startBody() === 'lines' ? this.#takeLine(unit) : unit
    }
    this.#fieldSeen = true
    this.#notice(unit)
    return this.#reader.field(unit, this.#place)
  }

  /** What the fields say about the body that follows. */
  #notice(field: Buffer): void {
    const first = (field[0] ?? 0) | 0x20
    if (first !== 0x63) return
    const octets = octetsOf(field)
    if (this.#contentType === '') this.#contentType = findHeader(octets, 'content-type') ?? ''
    if (this.#encoding === '')
      this.#encoding = (findHeader(octets, 'content-transfer-encoding') ?? '').trim().toLowerCase()
  }

  #startBody(): 'fields' | 'lines' | 'rest' {
    const { value, parameters } = parseParameters(this.#contentType)
    const type = value.toLowerCase()
    const encoded = this.#encoding === 'base64' || this.#encoding === 'quoted-printable'
    if (isForbidden(type, this.#encoding)) this.#reader.forbiddenEncoding?.()
    this.#contentType = ''
    this.#bodyEncoding = this.#encoding
    this.#encoding = ''
    this.#offset = 0
    this.#fieldSeen = false
    const parts = this.#reader.wants('parts')
    if (parts && type === 'message/rfc822' && !encoded) {
      this.#place = 'nested'
      return 'fields'
    }
    const boundary = type.startsWith('multipart/') ? parameterText(parameters, 'boundary') : undefined
    if (boundary !== undefined && boundary !== '') {
      if (this.#boundaries.length < this.#limits.depth)
        this.#boundaries.push(boundary.slice(0, this.#limits.boundaryBytes))
      else this.#reader.tooDeep()
    }
    const more = this.#reader.wants('lines') || (parts && this.#boundaries.length > 0)
    this.#mode = more ? 'lines' : 'rest'
    return this.#mode
  }

  #takeLine(unit: Buffer): Buffer {
    const offset = this.#offset
    this.#offset += unit.length
    if (this.#boundaries.length > 0 && unit[0] === 0x2d && unit[1] === 0x2d) this.#atBoundary(unit)
    return this.#reader.line(unit, offset, this.#bodyEncoding)
  }

  /** RFC 2046 §5.1.1: of this multipart or of one around it. */
  #atBoundary(unit: Buffer): void {
    const line = unit.toString('latin1', 2)
    for (let depth = this.#boundaries.length - 1; depth >= 0; depth--) {
      const boundary = this.#boundaries[depth] as string
      if (!line.startsWith(boundary)) continue
      this.#boundaries.length = depth + 1
      this.#offset = 0
      if (line.startsWith('--', boundary.length)) {
        this.#boundaries.pop()
        if (this.#boundaries.length === 0 && !this.#reader.wants('lines')) this.#mode = 'rest'
      } else {
        this.#mode = 'fields'
        this.#place = 'part'
      }
      return
    }
  }

  /** After the field that begins there; undefined: more octets are needed to tell. */
  #fieldEnd(bytes: Buffer, start: number, end: 'more' | 'over'): number | undefined {
    let at = start
    for (;;) {
      const feed = bytes.indexOf(lf, at)
      if (feed === -1 && end === 'over') return bytes.length
      if (feed === -1) return bytes.length - start > this.#limits.fieldBytes ? bytes.length : undefined
      at = feed + 1
      if (at - start <= 2 && isEmptyLine(bytes.subarray(start, at))) return at
      if (at === bytes.length) {
        if (end === 'over' || at - start > this.#limits.fieldBytes) return at
        // A line that is no field needs no look at the next one.
        return fieldColon(bytes.subarray(start, at)) === undefined ? at : undefined
      }
      if (!isBlank(bytes[at])) return at
    }
  }
}

function lineEnd(bytes: Buffer, start: number, end: 'more' | 'over'): number | undefined {
  const feed = bytes.indexOf(lf, start)
  const next = feed === -1 ? undefined : feed + 1
  if (next !== undefined && next - start <= maxLineBytes + 2) return next
  if (bytes.length - start > maxLineBytes + 2) return start + maxLineBytes
  return end === 'over' ? bytes.length : undefined
}

/** RFC 2045 §6.4: what has parts is not encoded; RFC 2046 §5.2.2, §5.2.3: part and place of a message are 7bit. */
function isForbidden(type: string, encoding: string): boolean {
  if (type === 'message/partial' || type === 'message/external-body')
    return encoding === '8bit' || encoding === 'binary'
  const isComposite = type.startsWith('multipart/') || type === 'message/rfc822'
  return isComposite && (encoding === 'base64' || encoding === 'quoted-printable')
}

const isBlank = (octet: number | undefined): boolean => octet === 0x20 || octet === 0x09

function isEmptyLine(unit: Buffer): boolean {
  return unit.length <= 2 && (unit[0] === lf || (unit[0] === cr && unit[1] === lf))
}

/** RFC 5322 §2.2: a name, perhaps blanks (§4.5), a colon. undefined: no field. */
function fieldColon(unit: Buffer): number | undefined {
  for (let i = 0; i < unit.length; i++) {
    const octet = unit[i] as number
    if (octet === 0x3a) return i > 0 ? i : undefined
    if (isBlank(octet)) {
      let after = i
      while (isBlank(unit[after])) after++
      return i > 0 && unit[after] === 0x3a ? after : undefined
    }
    if (octet < 0x21 || octet > 0x7e) return undefined
  }
  return undefined
}
