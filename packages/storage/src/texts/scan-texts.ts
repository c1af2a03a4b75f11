import { answer } from './answer.ts'
import { fieldBefore, fieldValue } from './field-match.ts'
import { type Probe, probeOf, type TextNeedle } from './needle.ts'
import { readGroups, type TextGroup } from './read-groups.ts'
import type { TextFile, TextGeneration } from './text-generation.ts'

/**
 * Looks through kept texts in the order of their files, many with one read. `answers` (by record) are set for
 * every one of `records` (see `inOrder`): a text whose checksum is wrong stays unknown.
 */
export const scanTexts = async (
  texts: TextGeneration,
  file: TextFile,
  records: Int32Array,
  needle: TextNeedle,
  answers: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<void> => {
  const scan = new TextScan(texts, file, records, needle, answers)
  await readGroups(texts, file, records, signal, (group, bytes) => scan.searchGroup(group, bytes))
}

class TextScan {
  readonly #texts: TextGeneration
  readonly #file: TextFile
  readonly #records: Int32Array
  readonly #starts: Float64Array
  readonly #ends: Float64Array
  /** Where the search of a text begins. */
  readonly #froms: Float64Array
  readonly #needle: TextNeedle
  /** The octets that are looked for: of a field whose presence is asked, its name. */
  readonly #octets: Buffer
  readonly #probe: Probe
  readonly #answers: Uint8Array
  /** Places in a header that were no match, against the texts looked through. */
  #misses = 0
  #seen = 0

  constructor(
    texts: TextGeneration,
    file: TextFile,
    records: Int32Array,
    needle: TextNeedle,
    answers: Uint8Array,
  ) {
    this.#texts = texts
    this.#file = file
    this.#records = records
    const { starts, ends } = texts.placesIn(file)
    this.#starts = starts
    this.#ends = ends
    this.#froms = needle.where === 'body' ? texts.bodyStarts : starts
    this.#needle = needle
    this.#octets = needle.octets.length === 0 ? (needle.name as Buffer) : needle.octets
    this.#probe = probeOf(this.#octets)
    this.#answers = answers
  }

  searchGroup(group: TextGroup, bytes: Buffer): void {
    for (let at = group.from; at < group.to; at++) {
      const record = this.#records[at] as number
      const end = (this.#ends[record] as number) - group.start
      const text = group.known ? bytes : bytes.subarray((this.#starts[record] as number) - group.start, end)
      const usable = this.#texts.check(record, text, this.#file) && end <= bytes.length
      this.#answers[record] = usable ? answer.no : answer.unknown
    }
    if (this.#needle.where !== 'field') this.#searchTexts(group, bytes)
    else if (this.#misses > 64 + this.#seen * 8) this.#searchNames(group, bytes)
    else this.#searchFields(group, bytes)
    this.#seen += group.to - group.from
  }

  /** From one place of the needle to the next; `take` says where to go on in the text it lies in. */
  #eachPlace(group: TextGroup, bytes: Buffer, take: (record: number, at: number) => number): void {
    const { octets, offset } = this.#probe
    const needle = this.#octets
    let from = 0
    let number = group.from
    for (;;) {
      const found = bytes.indexOf(octets, from)
      if (found < 0) return
      from = found + 1
      const at = found - offset
      const place = group.start + at
      while (number < group.to && (this.#ends[this.#records[number] as number] as number) <= place) number++
      if (number === group.to) return
      const record = this.#records[number] as number
      if (place < (this.#froms[record] as number)) continue
      const end = this.#ends[record] as number
      if (place + needle.length > end) continue
      if (offset > 0 && bytes.compare(needle, 0, offset, at, found) !== 0) continue
      if (this.#answers[record] !== answer.no) from = Math.max(from, end - group.start)
      else from = Math.max(from, take(record, at))
    }
  }

  #searchTexts(group: TextGroup, bytes: Buffer): void {
    this.#eachPlace(group, bytes, (record) => {
      this.#answers[record] = answer.yes
      return (this.#ends[record] as number) - group.start
    })
  }

  /** The value first, then whether it stands in the field. */
  #searchFields(group: TextGroup, bytes: Buffer): void {
    const name = this.#needle.name as Buffer
    const place = this.#needle.octets.length === 0 ? 'name' : 'value'
    this.#eachPlace(group, bytes, (record, at) => {
      if (fieldBefore(bytes, (this.#starts[record] as number) - group.start, at, name, place)) {
        this.#answers[record] = answer.yes
        return (this.#ends[record] as number) - group.start
      }
      this.#misses++
      return at + 1
    })
  }

  /** The field first: quicker when the value is found everywhere. */
  #searchNames(group: TextGroup, bytes: Buffer): void {
    const { name, octets } = this.#needle
    for (let at = group.from; at < group.to; at++) {
      const record = this.#records[at] as number
      if (this.#answers[record] !== answer.no) continue
      const head = bytes.subarray(
        (this.#starts[record] as number) - group.start,
        (this.#ends[record] as number) - group.start,
      )
      for (let from = 0; ; ) {
        const value = fieldValue(head, name as Buffer, from)
        if (value === undefined) break
        if (octets.length === 0 || head.subarray(value.start, value.end).includes(octets)) {
          this.#answers[record] = answer.yes
          break
        }
        from = value.end
      }
    }
  }
}
