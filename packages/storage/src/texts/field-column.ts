import { answer } from './answer.ts'
import { colonOf } from './field-match.ts'
import { readGroups, type TextGroup } from './read-groups.ts'
import type { TextGeneration } from './text-generation.ts'

/** Longer columns are not kept: their texts are scanned each time. */
const maxColumnBytes = 16 * 1024 * 1024
/** Columns kept of one account; those used longest ago make room. */
const maxColumns = 6

const lineFeed = 0x0a
const unknown = 0xffff_ffff

/** Values of one header field of all texts, one after the other: each behind a line end. */
export class FieldColumn {
  readonly #name: Buffer
  /** The line's beginning that is looked for. */
  readonly #line: Buffer
  /** End of each record's values; `unknown` where the text was not usable. */
  #ends = new Uint32Array(256)
  #bytes = Buffer.allocUnsafeSlow(16 * 1024)
  #length = 0
  #count = 0

  constructor(name: Buffer) {
    this.#name = name
    this.#line = Buffer.concat([Buffer.of(lineFeed), name])
  }

  get isTooLong(): boolean {
    return this.#length > maxColumnBytes
  }

  /** Reads what was added since; what was read stays when it rejects. */
  async extend(texts: TextGeneration, signal: AbortSignal | undefined): Promise<void> {
    const first = this.#count
    const added = new Int32Array(texts.count - first)
    for (let at = 0; at < added.length; at++) added[at] = first + at
    // In the order of records: that of their places, too.
    await readGroups(texts, 'head', added, signal, (group, bytes) => {
      if (!this.isTooLong) this.#readGroup(texts, added, group, bytes)
    })
    if (this.isTooLong) this.#bytes = Buffer.alloc(0)
  }

  /** Sets the answer of every record. @param octets folded, without line end; '' asks for the field */
  search(octets: Buffer, answers: Uint8Array): void {
    for (let record = 0, start = 0; record < this.#count; record++) {
      const end = this.#ends[record] as number
      if (end === unknown) continue
      answers[record] = octets.length === 0 && end > start ? answer.yes : answer.no
      start = end
    }
    if (octets.length > 0) this.#find(octets, answers)
  }

  #find(octets: Buffer, answers: Uint8Array): void {
    const bytes = this.#bytes.subarray(0, this.#length)
    let record = 0
    for (let from = 0; ; ) {
      const at = bytes.indexOf(octets, from)
      if (at < 0) return
      while (this.#ends[record] === unknown || (this.#ends[record] as number) <= at) record++
      answers[record] = answer.yes
      from = this.#ends[record] as number
    }
  }

  #readGroup(texts: TextGeneration, records: Int32Array, group: TextGroup, bytes: Buffer): void {
    const { starts, ends } = texts.placesIn('head')
    for (let at = group.from; at < group.to; at++) {
      const record = records[at] as number
      const end = (ends[record] as number) - group.start
      const head = bytes.subarray((starts[record] as number) - group.start, end)
      const isUsable = end <= bytes.length && texts.check(record, head, 'head')
      if (isUsable) this.#addValues(head)
      this.#addEnd(isUsable ? this.#length : unknown)
    }
  }

  #addValues(head: Buffer): void {
    for (let line = head.indexOf(this.#line); line >= 0; line = head.indexOf(this.#line, line + 1)) {
      const colon = colonOf(head, line + 1, this.#name)
      if (colon < 0) continue
      const end = head.indexOf(lineFeed, colon)
      this.#addValue(head, colon + 1, end < 0 ? head.length : end)
    }
  }

  #addValue(head: Buffer, start: number, end: number): void {
    const octets = end - start + 1
    if (this.#bytes.length - this.#length < octets) {
      const bytes = Buffer.allocUnsafeSlow((this.#length + octets) * 2)
      this.#bytes.copy(bytes, 0, 0, this.#length)
      this.#bytes = bytes
    }
    this.#bytes[this.#length] = lineFeed
    head.copy(this.#bytes, this.#length + 1, start, end)
    this.#length += octets
  }

  #addEnd(end: number): void {
    if (this.#count === this.#ends.length) {
      const ends = new Uint32Array(this.#count * 2)
      ends.set(this.#ends)
      this.#ends = ends
    }
    this.#ends[this.#count++] = end
  }
}

interface Kept {
  readonly column: FieldColumn
  /** One after the other extends it: two searches must not both add what is new. */
  done: Promise<void>
}

/** The columns of one generation of texts. */
export class FieldColumns {
  readonly #columns = new Map<string, Kept>()

  /** Up to date; undefined when it would be too long. */
  async of(
    texts: TextGeneration,
    name: Buffer,
    signal: AbortSignal | undefined,
  ): Promise<FieldColumn | undefined> {
    const key = name.toString('latin1')
    const kept = this.#columns.get(key) ?? { column: new FieldColumn(name), done: Promise.resolve() }
    this.#columns.delete(key)
    this.#columns.set(key, kept)
    if (this.#columns.size > maxColumns) this.#columns.delete(this.#columns.keys().next().value as string)
    const { column } = kept
    const done = kept.done.then(() => (column.isTooLong ? undefined : column.extend(texts, signal)))
    // Somebody may go away while it is read: the next one goes on.
    kept.done = done.catch(() => {})
    await done
    return column.isTooLong ? undefined : column
  }
}
