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

  /** Reads what was added since. */
  async extend(texts: TextGeneration, signal: AbortSignal | undefined): Promise<void> {
    const added = Int32Array.from({ length: texts.count - this.#count }, (_, at) => this.#count + at)
    const values = new Array<Buffer | undefined>(added.length)
    await readGroups(texts, 'head', added, signal, (group, bytes) => {
      this.#readGroup(texts, added, group, bytes, values)
    })
    for (const value of values) this.#add(value)
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

  #readGroup(
    texts: TextGeneration,
    records: Int32Array,
    group: TextGroup,
    bytes: Buffer,
    values: (Buffer | undefined)[],
  ): void {
    const { starts, ends } = texts.placesIn('head')
    for (let at = group.from; at < group.to; at++) {
      const record = records[at] as number
      const end = (ends[record] as number) - group.start
      const head = bytes.subarray((starts[record] as number) - group.start, end)
      if (end <= bytes.length && texts.check(record, head, 'head')) values[at] = this.#valuesOf(head)
    }
  }

  #valuesOf(head: Buffer): Buffer {
    const found: Buffer[] = []
    for (let line = head.indexOf(this.#line); line >= 0; line = head.indexOf(this.#line, line + 1)) {
      const colon = colonOf(head, line + 1, this.#name)
      if (colon < 0) continue
      const end = head.indexOf(lineFeed, colon)
      found.push(this.#line.subarray(0, 1), head.subarray(colon + 1, end < 0 ? head.length : end))
    }
    return Buffer.concat(found)
  }

  #add(value: Buffer | undefined): void {
    if (this.#count === this.#ends.length) {
      const ends = new Uint32Array(this.#count * 2)
      ends.set(this.#ends)
      this.#ends = ends
    }
    if (value !== undefined) {
      if (this.#bytes.length - this.#length < value.length) {
        const bytes = Buffer.allocUnsafeSlow((this.#length + value.length) * 2)
        this.#bytes.copy(bytes, 0, 0, this.#length)
        this.#bytes = bytes
      }
      value.copy(this.#bytes, this.#length)
      this.#length += value.length
    }
    this.#ends[this.#count++] = value === undefined ? unknown : this.#length
  }
}

/** The columns of one generation of texts. */
export class FieldColumns {
  readonly #columns = new Map<string, Promise<FieldColumn>>()

  /** Up to date; undefined when it would be too long. */
  async of(
    texts: TextGeneration,
    name: Buffer,
    signal: AbortSignal | undefined,
  ): Promise<FieldColumn | undefined> {
    const key = name.toString('latin1')
    const fresh = (): FieldColumn => new FieldColumn(name)
    const former = this.#columns.get(key)?.catch(fresh) ?? Promise.resolve(fresh())
    // One after the other: two searches must not both add what is new.
    const current = former.then(async (column) => {
      if (!column.isTooLong) await column.extend(texts, signal)
      return column
    })
    this.#columns.delete(key)
    this.#columns.set(key, current)
    if (this.#columns.size > maxColumns) this.#columns.delete(this.#columns.keys().next().value as string)
    try {
      const column = await current
      return column.isTooLong ? undefined : column
    } catch (error) {
      // Somebody went away while it was read: the next one begins anew.
      if (this.#columns.get(key) === current) this.#columns.delete(key)
      throw error
    }
  }
}
