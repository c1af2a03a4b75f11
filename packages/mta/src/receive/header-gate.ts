import { answered, LookupWaits } from '../tables/index.ts'

/** What the header of a message says to those who pass it on. */
export interface HeaderFacts {
  /** Received fields (RFC 5321 §6.3). */
  hops: number
  /** Addresses of Delivered-To fields, lower case. RFC 9228. */
  deliveredTo: string[]
  messageId: string | undefined
  hasDate: boolean
  hasFrom: boolean
  /** To, Cc, or the same with Resent-. */
  namesRecipients: boolean
}

/** Before anything of the header has come. */
export const nothingKnown = (): HeaderFacts => ({
  hops: 0,
  deliveredTo: [],
  messageId: undefined,
  hasDate: false,
  hasFrom: false,
  namesRecipients: false,
})

/** Postfix: header_size_limit. A longer header is passed on and looked at so far. */
const maxHeaderBytes = 102_400
const maxDeliveredTo = 100
const maxValueBytes = 1_000

const lf = 0x0a
const crlf = Buffer.from('\r\n')

/** Takes octets; those 'given' are its own, the others the caller's to use again. */
export type OctetSink = (chunk: Uint8Array, octets: 'lent' | 'given') => Promise<void> | undefined

/**
 * Holds a message's header back until it is whole, looks at it once, lets `rewrite` change it and puts our own
 * fields `above` it: one piece, for each costs the store a turn. Everything after it goes straight through; where
 * `rewrite` waits for a table (LookupWaits), after that.
 */
export class HeaderGate {
  readonly facts = nothingKnown()
  readonly #sink: OctetSink
  readonly #rewrite: ((header: Buffer, facts: HeaderFacts) => Buffer) | undefined
  readonly #above: Buffer | undefined
  /** Grows by doubling; `#heldBytes` of it are in use. */
  #held: Buffer = Buffer.alloc(0)
  #heldBytes = 0
  /** Start of the first line not looked at yet, so that a header in tiny pieces costs no more. */
  #line = 0
  #open = false
  /** Since the header had to wait: what came meanwhile follows it. */
  #behind: Promise<void> | undefined

  constructor(sink: OctetSink, rewrite?: (header: Buffer, facts: HeaderFacts) => Buffer, above?: Buffer) {
    this.#sink = sink
    this.#rewrite = rewrite
    this.#above = above
  }

  push(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#behind !== undefined) return this.#follow(this.#behind, Buffer.from(chunk))
    if (this.#open) return this.#sink(chunk, 'lent')
    const bytes = this.#heldBytes === 0 ? asBuffer(chunk) : this.#hold(asBuffer(chunk))
    const end = this.#findEnd(bytes)
    if (end !== undefined) return this.#release(bytes, end)
    if (bytes.length >= maxHeaderBytes) {
      return this.#release(bytes, { fieldsEnd: this.#line, complete: 'cut' })
    }
    // The chunk is the caller's to use again.
    if (this.#heldBytes === 0) this.#hold(bytes)
    return undefined
  }

  /** The message is over, perhaps within its header. Rejects with what `rewrite` threw. */
  finish(): Promise<void> | undefined {
    if (this.#open) return this.#behind
    const held = this.#held.subarray(0, this.#heldBytes)
    const written = this.#release(held, { fieldsEnd: held.length, complete: 'over' })
    return this.#behind ?? written
  }

  #hold(chunk: Buffer): Buffer {
    const needed = this.#heldBytes + chunk.length
    if (needed > this.#held.length) {
      const grown = Buffer.allocUnsafe(Math.max(needed, this.#held.length * 2, 4_096))
      this.#held.copy(grown, 0, 0, this.#heldBytes)
      this.#held = grown
    }
    chunk.copy(this.#held, this.#heldBytes)
    this.#heldBytes = needed
    return this.#held.subarray(0, needed)
  }

  #findEnd(bytes: Buffer): HeaderEnd | undefined {
    for (let line = this.#line; ; this.#line = line) {
      const end = bytes.indexOf(lf, line)
      if (end === -1) return undefined
      const length = bytes[end - 1] === 0x0d && end > line ? end - 1 - line : end - line
      if (length === 0) return { fieldsEnd: line, complete: 'empty-line' }
      if (!isFieldLine(bytes, line, line + length, line === 0 ? 'first' : 'later')) {
        return { fieldsEnd: line, complete: 'body-text' }
      }
      line = end + 1
    }
  }

  #release(held: Buffer, end: HeaderEnd): Promise<void> | undefined {
    this.#open = true
    this.#held = Buffer.alloc(0)
    const fields = held.subarray(0, end.fieldsEnd)
    readFacts(fields, this.facts)
    try {
      const rewritten = this.#rewrite === undefined ? fields : this.#rewrite(fields, this.facts)
      return this.#passOn(held, end, rewritten)
    } catch (error) {
      return this.#await(
        error instanceof LookupWaits
          ? this.#releaseLater(Buffer.from(held), end, error)
          : Promise.reject(error),
      )
    }
  }

  async #releaseLater(held: Buffer, end: HeaderEnd, waits: LookupWaits): Promise<void> {
    await waits.settled
    const fields = held.subarray(0, end.fieldsEnd)
    const rewritten = await answered(() => this.#rewrite?.(fields, this.facts) ?? fields)
    await this.#passOn(held, end, rewritten)
  }

  #follow(behind: Promise<void>, chunk: Buffer): Promise<void> {
    return this.#await(behind.then(() => this.#sink(chunk, 'given')))
  }

  /** A failure is told by `finish`. */
  #await(work: Promise<void>): Promise<void> {
    this.#behind = work
    return work.catch(() => {})
  }

  #passOn(held: Buffer, end: HeaderEnd, rewritten: Buffer): Promise<void> | undefined {
    const fields = held.subarray(0, end.fieldsEnd)
    const rest = held.subarray(end.fieldsEnd)
    // Text that is no header field starts the body: as Postfix does, the empty line before it is ours.
    const separator = end.complete === 'body-text' || end.complete === 'over' ? crlf : undefined
    const pieces = this.#above === undefined ? [] : [this.#above]
    if (isSame(rewritten, fields) && separator === undefined) pieces.push(held)
    else if (separator === undefined) pieces.push(rewritten, rest)
    else pieces.push(rewritten, separator, rest)
    if (pieces.length > 1) return this.#sink(Buffer.concat(pieces), 'given')
    const [only] = pieces
    return only === undefined || only.length === 0 ? undefined : this.#sink(only, 'lent')
  }
}

const isSame = (one: Buffer, other: Buffer): boolean =>
  one.buffer === other.buffer && one.byteOffset === other.byteOffset && one.length === other.length

interface HeaderEnd {
  /** Offset after the last field. */
  readonly fieldsEnd: number
  /** What follows: an empty line, text that is no field, the end of the message, more than we look at. */
  readonly complete: 'empty-line' | 'body-text' | 'over' | 'cut'
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** RFC 5322 §2.2: printable name, colon; or the continuation of the field before. */
function isFieldLine(bytes: Buffer, start: number, end: number, place: 'first' | 'later'): boolean {
  const first = bytes[start]
  if (first === 0x20 || first === 0x09) return place === 'later'
  for (let i = start; i < end; i++) {
    const byte = bytes[i] as number
    if (byte === 0x3a) return i > start
    // RFC 5322 §4.5: blanks may stand before the colon.
    if (byte === 0x20 || byte === 0x09) return onlyBlanksThenColon(bytes, i, end)
    if (byte < 0x21 || byte > 0x7e) return false
  }
  return false
}

function onlyBlanksThenColon(bytes: Buffer, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    if (bytes[i] === 0x3a) return true
    if (bytes[i] !== 0x20 && bytes[i] !== 0x09) return false
  }
  return false
}

/** One go over the lines; only those that begin with a letter we look for are read. */
function readFacts(fields: Buffer, facts: HeaderFacts): void {
  for (let line = 0; line < fields.length; ) {
    const lineEnd = fields.indexOf(lf, line)
    const next = lineEnd === -1 ? fields.length : lineEnd + 1
    switch (fields[line]) {
      case 0x52:
      case 0x72:
        if (isNamed(fields, line, 'received')) facts.hops++
        else if (isNamed(fields, line, 'resent-to') || isNamed(fields, line, 'resent-cc'))
          facts.namesRecipients = true
        break
      case 0x54:
      case 0x74:
        if (isNamed(fields, line, 'to')) facts.namesRecipients = true
        break
      case 0x43:
      case 0x63:
        if (isNamed(fields, line, 'cc')) facts.namesRecipients = true
        break
      case 0x44:
      case 0x64:
        if (isNamed(fields, line, 'date')) facts.hasDate = true
        else if (facts.deliveredTo.length < maxDeliveredTo && isNamed(fields, line, 'delivered-to')) {
          facts.deliveredTo.push(valueAt(fields, line).toLowerCase())
        }
        break
      case 0x4d:
      case 0x6d:
        if (facts.messageId === undefined && isNamed(fields, line, 'message-id')) {
          facts.messageId = valueAt(fields, line)
        }
        break
      case 0x46:
      case 0x66:
        if (isNamed(fields, line, 'from')) facts.hasFrom = true
        break
    }
    line = next
  }
}

export function isNamed(fields: Buffer, line: number, name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    if (((fields[line + i] ?? 0) | 0x20) !== (name.charCodeAt(i) | 0x20)) return false
  }
  let end = line + name.length
  while (fields[end] === 0x20 || fields[end] === 0x09) end++
  return fields[end] === 0x3a
}

/** The value of the field that starts there, unfolded and trimmed. */
function valueAt(fields: Buffer, line: number): string {
  const start = fields.indexOf(0x3a, line) + 1
  let end = fields.indexOf(lf, start)
  while (end !== -1 && (fields[end + 1] === 0x20 || fields[end + 1] === 0x09))
    end = fields.indexOf(lf, end + 1)
  const text = fields.toString(
    'utf8',
    start,
    Math.min(end === -1 ? fields.length : end, start + maxValueBytes),
  )
  return text.replace(/[\r\n]/g, '').trim()
}
