import type { OctetString } from '@posthorn/mail'

const firstBytes = 1024
/** Loops beat calls into Node below about this many octets. */
const shortBytes = 40
const digits: number[] = new Array(16)

/**
 * Responses, one after the other, in one growing Buffer. `take` hands it over and begins anew; what is
 * written never moves after that.
 */
export class ResponseWriter {
  #buffer: Buffer
  #length = 0

  constructor(expectedBytes = firstBytes) {
    this.#buffer = Buffer.allocUnsafe(expectedBytes)
  }

  get length(): number {
    return this.#length
  }

  /** Everything written so far. The memory is the caller's. */
  take(): Buffer {
    const taken = this.#buffer.subarray(0, this.#length)
    this.#buffer = Buffer.allocUnsafe(firstBytes)
    this.#length = 0
    return taken
  }

  /** As `take`, for one of many batches: the next Buffer is as large. */
  takeBatch(): Buffer {
    const taken = this.#buffer.subarray(0, this.#length)
    this.#buffer = Buffer.allocUnsafe(this.#buffer.length)
    this.#length = 0
    return taken
  }

  /** Characters up to U+00FF, one octet each. */
  text(text: OctetString): this {
    const { length } = text
    this.#reserve(length)
    if (length > shortBytes) this.#buffer.write(text, this.#length, 'latin1')
    else {
      const buffer = this.#buffer
      let to = this.#length
      for (let at = 0; at < length; at++) buffer[to++] = text.charCodeAt(at)
    }
    this.#length += length
    return this
  }

  octets(bytes: Uint8Array): this {
    const { length } = bytes
    this.#reserve(length)
    if (length > shortBytes) this.#buffer.set(bytes, this.#length)
    else {
      const buffer = this.#buffer
      let to = this.#length
      for (let at = 0; at < length; at++) buffer[to++] = bytes[at]!
    }
    this.#length += length
    return this
  }

  /** Octets [start, end) of `source`. */
  span(source: Buffer, start: number, end: number): this {
    const length = end - start
    this.#reserve(length)
    if (length > shortBytes) source.copy(this.#buffer, this.#length, start, end)
    else {
      const buffer = this.#buffer
      let to = this.#length
      for (let at = start; at < end; at++) buffer[to++] = source[at]!
    }
    this.#length += length
    return this
  }

  /** Once more what was written from `start` to `end` (values of `length`). */
  repeat(start: number, end: number): this {
    this.#reserve(end - start)
    this.#buffer.copyWithin(this.#length, start, end)
    this.#length += end - start
    return this
  }

  /** What was written from `start` (a value of `length`) on; valid until the next write. */
  written(start: number): Buffer {
    return this.#buffer.subarray(start, this.#length)
  }

  /** Forgets what was written after `length`. */
  rewind(length: number): void {
    this.#length = length
  }

  /** A whole number from 0 to 2^53-1. */
  number(value: number): this {
    this.#reserve(16)
    const buffer = this.#buffer
    let to = this.#length
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
    this.#length = to
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
    const needed = this.#length + more
    if (needed <= this.#buffer.length) return
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2))
    this.#buffer.copy(grown, 0, 0, this.#length)
    this.#buffer = grown
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
