import { asBuffer } from './octets.ts'
import { dictionaryBytes, wordLengths, wordStarts } from './summary-dictionary.ts'
import { asFrom, extension, partKinds, stringForm, summaryFlag, summaryVersion } from './summary-format.ts'

const empty = Buffer.alloc(0)

/**
 * Walks over an encoded summary without making objects: reuse one reader for thousands of messages.
 * After `open` the whole-message fields are set; `toEnvelope` and `toStructure` place the cursor, and the
 * read methods follow the layout of `summary-format.ts`. Every method throws RangeError on octets that are
 * no summary of this version.
 */
export class SummaryReader {
  /** The encoded summary. */
  bytes: Buffer = empty
  position = 0

  sizeBytes = 0
  headerBytes = 0
  bodyLines = 0
  receivedCount = 0
  /** Bits of `summaryFlag`. */
  flags = 0
  /** With `summaryFlag.sent`. */
  sentDay = 0
  sentMs = 0
  /** The kept header fields are `bytes` from here … */
  fieldsStart = 0
  /** … to here; complete with `summaryFlag.fieldsComplete`. */
  fieldsEnd = 0
  #envelopeStart = 0
  #structureStart = 0

  /** The string last read: octets of `source` from `start` to `end`. */
  source: Buffer = empty
  start = 0
  end = 0
  /** undefined: NIL. 'plain' can stand between quotes as it is. */
  form: 'plain' | 'careful' | undefined

  /** The part last entered. */
  kind: (typeof partKinds)[number] = 'other'
  /** Bits of `extension`. */
  extensions = 0
  gapBytes = 0
  partHeaderBytes = 0
  bodyBytes = 0
  lines = 0

  open(encoded: Uint8Array): void {
    this.bytes = asBuffer(encoded)
    this.position = 0
    const version = this.byte()
    if (version !== summaryVersion) throw new RangeError(`Cannot read summary: version ${version} is unknown`)
    this.flags = this.byte()
    this.sizeBytes = this.number()
    this.headerBytes = this.number()
    this.bodyLines = this.number()
    this.receivedCount = this.number()
    this.sentDay = 0
    this.sentMs = 0
    if ((this.flags & summaryFlag.sent) !== 0) {
      this.sentDay = this.signed()
      this.sentMs = (this.sentDay * 86_400 + this.signed()) * 1000
    }
    this.fieldsStart = this.#spanStart()
    this.fieldsEnd = this.position
    this.#envelopeStart = this.#spanStart()
    this.#structureStart = this.position
  }

  toEnvelope(): void {
    this.position = this.#envelopeStart
  }

  toStructure(): void {
    this.position = this.#structureStart
  }

  byte(): number {
    const value = this.bytes[this.position++]
    if (value === undefined) throw new RangeError('Cannot read summary: it ends too early')
    return value
  }

  number(): number {
    const first = this.byte()
    if (first < 128) return first
    let value = first - 128
    let factor = 128
    for (let i = 0; i < 7; i++) {
      const octet = this.byte()
      if (octet < 128) return value + octet * factor
      value += (octet - 128) * factor
      factor *= 128
    }
    throw new RangeError('Cannot read summary: a number is too large')
  }

  signed(): number {
    const value = this.number()
    return value % 2 === 1 ? -(value + 1) / 2 : value / 2
  }

  /** Entries of addresses have a fourth string, their source route, after the name. */
  get hasRoutes(): boolean {
    return (this.flags & summaryFlag.routes) !== 0
  }

  /** Number of entries (each three strings: name, mailbox, host; or four), or 'as-from'. */
  addresses(): number | 'as-from' {
    const count = this.number()
    if (count === asFrom) return 'as-from'
    return count === 0 ? 0 : count - 1
  }

  skipAddresses(): void {
    const count = this.addresses()
    if (count === 'as-from') return
    for (let left = count * (this.hasRoutes ? 4 : 3); left > 0; left--) this.skipString()
  }

  /** Sets `source`, `start`, `end`, `form`. */
  string(): void {
    const head = this.number()
    const form = head % 4
    const length = (head - form) / 4
    if (form === stringForm.word) {
      this.form = length === 0 ? undefined : 'plain'
      this.source = dictionaryBytes
      this.start = length === 0 ? 0 : this.#word(wordStarts[length - 1])
      this.end = length === 0 ? 0 : this.start + this.#word(wordLengths[length - 1])
      return
    }
    this.form = form === stringForm.careful ? 'careful' : 'plain'
    this.source = this.bytes
    if (form === stringForm.slice) {
      this.start = this.fieldsStart + this.number()
      this.end = this.start + length
      if (this.end > this.fieldsEnd) throw new RangeError('Cannot read summary: a string lies outside')
      return
    }
    this.start = this.position
    this.position += length
    this.end = this.position
    if (this.end > this.bytes.length) throw new RangeError('Cannot read summary: it ends too early')
  }

  /** The string as octets, undefined for NIL. */
  octets(): string | undefined {
    this.string()
    return this.form === undefined ? undefined : this.source.toString('latin1', this.start, this.end)
  }

  skipString(): void {
    const head = this.number()
    const form = head % 4
    if (form === stringForm.slice) this.number()
    else if (form !== stringForm.word) this.position += (head - form) / 4
  }

  skipParameters(): void {
    for (let count = this.number() * 2; count > 0; count--) this.skipString()
  }

  /** Enters a part: sets `kind`, `extensions` and its sizes. */
  part(): void {
    const head = this.byte()
    this.kind = partKinds[head & 3] as (typeof partKinds)[number]
    this.extensions = head & 0xfc
    this.gapBytes = this.number()
    this.partHeaderBytes = this.number()
    this.bodyBytes = this.number()
    this.lines = this.number()
  }

  has(bit: number): boolean {
    return (this.extensions & bit) !== 0
  }

  /** Over a measured envelope. */
  skipEnvelope(): void {
    this.#spanStart()
  }

  /** Over disposition, languages, location of a part with these extension bits. */
  skipExtensions(extensions: number): void {
    if ((extensions & extension.disposition) !== 0) {
      this.skipString()
      this.skipParameters()
    }
    if ((extensions & extension.languages) !== 0) {
      for (let count = this.number(); count > 0; count--) this.skipString()
    }
    if ((extensions & extension.location) !== 0) this.skipString()
  }

  #spanStart(): number {
    const length = this.number()
    const start = this.position
    this.position += length
    if (this.position > this.bytes.length) throw new RangeError('Cannot read summary: it ends too early')
    return start
  }

  #word(value: number | undefined): number {
    if (value === undefined) throw new RangeError('Cannot read summary: unknown word')
    return value
  }
}
