import type { OctetString } from '@posthorn/mail'

const firstBytes = 1024
/** Memory is taken in pieces up to this size, unless one response needs more. */
export const pieceBytes = 128 * 1024
/** Loops beat calls into Node below about this many octets. */
const shortBytes = 40
const digits: number[] = new Array(16)

/**
 * Responses, one after the other. `take` hands over what was written since the last time; it stays where it
 * is while the memory behind it is filled further, until `recycle`.
 */
export class ResponseWriter {
  #buffer: Buffer
  /** What lies before was taken. */
  #start = 0
  #end = 0
  readonly #allocate: (lengthBytes: number) => Buffer

  /**
   * @param memory to begin with, or how many octets of it
   * @param allocate asked when the memory is full; what was taken from it is not copied
   */
  constructor(
    memory: Buffer | number = firstBytes,
    allocate: (lengthBytes: number) => Buffer = Buffer.allocUnsafe,
  ) {
    this.#buffer = typeof memory === 'number' ? Buffer.allocUnsafe(memory) : memory
    this.#allocate = allocate
  }

  /** Octets not taken yet. */
  get length(): number {
    return this.#end - this.#start
  }

  /** Everything written since the last time. Not modified before `recycle`. */
  take(): Buffer {
    const taken = this.#buffer.subarray(this.#start, this.#end)
    this.#start = this.#end
    return taken
  }

  /** Nobody needs any more what was taken so far: its memory is used again. */
  recycle(): void {
    if (this.#start !== this.#end) return
    this.#start = 0
    this.#end = 0
  }

  /** Characters up to U+00FF, one octet each. */
  text(text: OctetString): this {
    const { length } = text
    this.#reserve(length)
    if (length > shortBytes) this.#buffer.write(text, this.#end, 'latin1')
    else {
      const buffer = this.#buffer
      let to = this.#end
      for (let at = 0; at < length; at++) buffer[to++] = text.charCodeAt(at)
    }
    this.#end += length
    return this
  }

  octets(bytes: Uint8Array): this {
    const { length } = bytes
    this.#reserve(length)
    if (length > shortBytes) this.#buffer.set(bytes, this.#end)
    else {
      const buffer = this.#buffer
      let to = this.#end
      for (let at = 0; at < length; at++) buffer[to++] = bytes[at]!
    }
    this.#end += length
    return this
  }

  /** Octets [start, end) of `source`. */
  span(source: Buffer, start: number, end: number): this {
    const length = end - start
    this.#reserve(length)
    if (length > shortBytes) source.copy(this.#buffer, this.#end, start, end)
    else {
      const buffer = this.#buffer
      let to = this.#end
      for (let at = start; at < end; at++) buffer[to++] = source[at]!
    }
    this.#end += length
    return this
  }

  /** Memory with room for `more` octets from `end` on; `endAt` says how many of them were written. */
  room(more: number): Buffer {
    this.#reserve(more)
    return this.#buffer
  }

  /** Before more memory is needed. */
  get roomBytes(): number {
    return this.#buffer.length - this.#end
  }

  get end(): number {
    return this.#end
  }

  endAt(end: number): void {
    this.#end = end
  }

  /** Once more what was written from `start` to `end` (values of `length`). */
  repeat(start: number, end: number): this {
    this.#reserve(end - start)
    this.#buffer.copyWithin(this.#end, this.#start + start, this.#start + end)
    this.#end += end - start
    return this
  }

  /** What was written from `start` (a value of `length`) on; valid until the next write. */
  written(start: number): Buffer {
    return this.#buffer.subarray(this.#start + start, this.#end)
  }

  /** Copies what was not taken yet to `at` of `target`, and forgets it. */
  moveTo(target: Uint8Array, at: number): void {
    const buffer = this.#buffer
    let to = at
    for (let from = this.#start; from < this.#end; from++) target[to++] = buffer[from]!
    this.#end = this.#start
  }

  /** Forgets what was written after `length`. */
  rewind(length: number): void {
    this.#end = this.#start + length
  }

  /** A whole number from 0 to 2^53-1. */
  number(value: number): this {
    this.#reserve(16)
    const buffer = this.#buffer
    let to = this.#end
    let rest = value
    let count = 0
    // Integer arithmetic is quicker, but ends at 2^31.
    while (rest > 0x7fff_ffff) {
      const next = Math.floor(rest / 10)
      digits[count++] = rest - next * 10
      rest = next
    }
    do {
      const next = (rest / 10) | 0
      digits[count++] = rest - next * 10
      rest = next
    } while (rest > 0)
    while (count > 0) buffer[to++] = 0x30 + digits[--count]!
    this.#end = to
    return this
  }

  crlf(): this {
    return this.text('\r\n')
  }

  /** nstring: NIL for undefined. */
  nstring(octets: OctetString | undefined): this {
    return octets === undefined ? this.text('NIL') : this.string(octets)
  }

  /** Quoted where 7-bit text allows it, else a literal. RFC 9051 §4.3. */
  string(octets: OctetString): this {
    switch (quoting(octets)) {
      case 'plain':
        return this.text('"').text(octets).text('"')
      case 'escapes':
        return this.text('"').text(octets.replace(/["\\]/g, '\\$&')).text('"')
      case 'literal':
        return this.literalStart(octets.length).text(withoutNul(octets))
    }
  }

  /** `{n}` CRLF; n octets follow. */
  literalStart(sizeBytes: number): this {
    return this.text('{').number(sizeBytes).text('}\r\n')
  }

  literal(bytes: Uint8Array): this {
    return this.literalStart(bytes.length).octets(bytes)
  }

  #reserve(more: number): void {
    if (this.#end + more <= this.#buffer.length) return
    const pending = this.#end - this.#start
    const next = Math.max(pending + more, Math.min(pieceBytes, this.#buffer.length * 2), pending * 2)
    const grown = this.#allocate(next)
    this.#buffer.copy(grown, 0, this.#start, this.#end)
    this.#buffer = grown
    this.#start = 0
    this.#end = pending
  }
}

function quoting(octets: OctetString): 'plain' | 'escapes' | 'literal' {
  let found: 'plain' | 'escapes' = 'plain'
  for (let at = 0; at < octets.length; at++) {
    const code = octets.charCodeAt(at)
    if (code === 0x22 || code === 0x5c) found = 'escapes'
    else if (code >= 0x7f || code === 0x0d || code === 0x0a || code === 0) return 'literal'
  }
  return found
}

/** A literal has no NUL (RFC 9051 §4.3); Dovecot sends 0x80 in its place. */
function withoutNul(octets: OctetString): OctetString {
  return octets.includes('\0') ? octets.replaceAll('\0', '\x80') : octets
}
