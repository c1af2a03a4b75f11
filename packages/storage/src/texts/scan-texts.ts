import * as fs from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { promisify } from 'node:util'
import { answer } from './answer.ts'
import { fieldBefore, fieldValue } from './field-match.ts'
import { type Probe, probeOf, type TextNeedle } from './needle.ts'
import type { TextFile, TextGeneration } from './text-generation.ts'

/** Small enough for the processor's cache: what was copied there is searched there. */
const groupBytes = 256 * 1024
const maxGapBytes = 32 * 1024
/** Others are let in after this much work. */
const sliceMs = 8
/** A read that takes longer did not come from memory: the next ones are waited for off the event loop. */
const slowReadMs = 3

/** Texts that lie together: `records[from..to)`, octets [start, end). */
interface Group {
  readonly from: number
  readonly to: number
  readonly start: number
  readonly end: number
  /** Checksums were tested: it was read before, and is probably in memory. */
  readonly known: boolean
}

const readFile = promisify(fs.read)

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
  texts.retain()
  try {
    await new TextScan(texts, file, records, needle, answers).run(signal)
  } finally {
    texts.release()
  }
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
  readonly #memory = [Buffer.allocUnsafeSlow(groupBytes), Buffer.allocUnsafeSlow(groupBytes)]
  /** Places in a header that were no match, against the texts looked through. */
  #misses = 0
  #seen = 0
  #slow = false

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

  async run(signal: AbortSignal | undefined): Promise<void> {
    let sliceEndMs = performance.now() + sliceMs
    let group = this.#groupAt(0)
    let ahead: Promise<Buffer> | undefined
    for (let turn = 0; group !== undefined; turn++) {
      let bytes: Buffer
      if (ahead !== undefined) bytes = await ahead
      else bytes = this.#isQuick(group) ? this.#readNow(group, turn) : await this.#readAhead(group, turn)
      const next = this.#groupAt(group.to)
      ahead = next === undefined || this.#isQuick(next) ? undefined : this.#readAhead(next, turn + 1)
      try {
        signal?.throwIfAborted()
        this.#searchGroup(group, bytes)
        if (performance.now() > sliceEndMs) {
          await nextTurn()
          sliceEndMs = performance.now() + sliceMs
        }
      } catch (error) {
        // Its memory, and its file, are in use until then.
        await ahead
        throw error
      }
      group = next
    }
  }

  #groupAt(from: number): Group | undefined {
    if (from >= this.#records.length) return undefined
    const first = this.#records[from] as number
    const start = this.#starts[first] as number
    const known = this.#texts.isChecked(first, this.#file)
    let end = this.#ends[first] as number
    let to = from + 1
    for (; to < this.#records.length; to++) {
      const next = this.#records[to] as number
      const nextEnd = this.#ends[next] as number
      if (nextEnd - start > groupBytes || (this.#starts[next] as number) - end > maxGapBytes) break
      if (this.#texts.isChecked(next, this.#file) !== known) break
      if (nextEnd > end) end = nextEnd
    }
    return { from, to, start, end, known }
  }

  #isQuick(group: Group): boolean {
    return group.known && !this.#slow
  }

  /** Two buffers in turns: one is read into while the other is searched. */
  #target(group: Group, at: number): Buffer {
    const octets = group.end - group.start
    const memory = this.#memory[at & 1] as Buffer
    return octets <= memory.length ? memory.subarray(0, octets) : Buffer.allocUnsafeSlow(octets)
  }

  #readNow(group: Group, at: number): Buffer {
    const target = this.#target(group, at)
    const beganMs = performance.now()
    let filled = 0
    try {
      filled = fs.readSync(this.#texts.fileOf(this.#file), target, 0, target.length, group.start)
    } catch {
      // Unreadable: these stay unknown.
    }
    if (performance.now() - beganMs > slowReadMs) this.#slow = true
    return target.subarray(0, filled)
  }

  async #readAhead(group: Group, at: number): Promise<Buffer> {
    const target = this.#target(group, at)
    try {
      const file = this.#texts.fileOf(this.#file)
      const { bytesRead } = await readFile(file, target, 0, target.length, group.start)
      return target.subarray(0, bytesRead)
    } catch {
      return target.subarray(0, 0)
    }
  }

  #searchGroup(group: Group, bytes: Buffer): void {
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
  #eachPlace(group: Group, bytes: Buffer, take: (record: number, at: number) => number): void {
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

  #searchTexts(group: Group, bytes: Buffer): void {
    this.#eachPlace(group, bytes, (record) => {
      this.#answers[record] = answer.yes
      return (this.#ends[record] as number) - group.start
    })
  }

  /** The value first, then whether it stands in the field. */
  #searchFields(group: Group, bytes: Buffer): void {
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
  #searchNames(group: Group, bytes: Buffer): void {
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
