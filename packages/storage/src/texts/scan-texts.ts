import * as fs from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { promisify } from 'node:util'
import { answer } from './answer.ts'
import { fieldBefore, fieldValue } from './field-match.ts'
import { type Probe, probeOf, type TextNeedle } from './needle.ts'
import type { TextFile, TextGeneration, TextSpan } from './text-generation.ts'

/** Small enough for the processor's cache: what was copied there is searched there. */
const groupBytes = 256 * 1024
const maxGapBytes = 32 * 1024
/** Others are let in after this much work. */
const sliceMs = 8
/** A read that takes longer did not come from memory: the next ones are waited for off the event loop. */
const slowReadMs = 3

interface Group {
  readonly spans: readonly TextSpan[]
  readonly start: number
  readonly end: number
  /** Checksums were tested: it was read before, and is probably in memory. */
  readonly known: boolean
}

const readFile = promisify(fs.read)

/**
 * Looks through kept texts in the order of their files, many with one read. `answers` (by record) are set for
 * every span: a text whose checksum is wrong stays unknown, one in which the needle is already found is left.
 */
export const scanTexts = async (
  texts: TextGeneration,
  file: TextFile,
  spans: readonly TextSpan[],
  needle: TextNeedle,
  answers: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<void> => {
  texts.retain()
  try {
    await new TextScan(texts, file, needle, answers).run(groupsOf(texts, file, spans), signal)
  } finally {
    texts.release()
  }
}

const groupsOf = (texts: TextGeneration, file: TextFile, spans: readonly TextSpan[]): Group[] => {
  const groups: Group[] = []
  for (let from = 0; from < spans.length; ) {
    const first = spans[from] as TextSpan
    const known = texts.isChecked(first.record, file)
    let end = first.end
    let to = from + 1
    for (; to < spans.length; to++) {
      const next = spans[to] as TextSpan
      if (next.end - first.start > groupBytes || next.start - end > maxGapBytes) break
      if (texts.isChecked(next.record, file) !== known) break
      end = Math.max(end, next.end)
    }
    groups.push({ spans: spans.slice(from, to), start: first.start, end, known })
    from = to
  }
  return groups
}

class TextScan {
  readonly #texts: TextGeneration
  readonly #file: TextFile
  readonly #needle: TextNeedle
  readonly #probe: Probe
  readonly #answers: Uint8Array
  readonly #memory = [Buffer.allocUnsafeSlow(groupBytes), Buffer.allocUnsafeSlow(groupBytes)]
  /** Places in a header that were no match, against the texts looked through. */
  #misses = 0
  #seen = 0
  #slow = false

  constructor(texts: TextGeneration, file: TextFile, needle: TextNeedle, answers: Uint8Array) {
    this.#texts = texts
    this.#file = file
    this.#needle = needle
    this.#probe = probeOf(needle.octets.length === 0 ? (needle.name as Buffer) : needle.octets)
    this.#answers = answers
  }

  async run(groups: readonly Group[], signal: AbortSignal | undefined): Promise<void> {
    let sliceEndMs = performance.now() + sliceMs
    let ahead: Promise<Buffer> | undefined
    for (let at = 0; at < groups.length; at++) {
      const group = groups[at] as Group
      let bytes: Buffer
      if (ahead !== undefined) bytes = await ahead
      else bytes = this.#isQuick(group) ? this.#readNow(group, at) : await this.#readAhead(group, at)
      const next = groups[at + 1]
      ahead = next === undefined || this.#isQuick(next) ? undefined : this.#readAhead(next, at + 1)
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
    }
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
    for (const span of group.spans) {
      const text = group.known ? bytes : bytes.subarray(span.start - group.start, span.end - group.start)
      const usable = this.#texts.check(span, text, this.#file) && span.end - group.start <= bytes.length
      if (this.#answers[span.record] === answer.yes) continue
      this.#answers[span.record] = usable ? answer.no : answer.unknown
    }
    if (this.#needle.where !== 'field') this.#searchTexts(group, bytes)
    else if (this.#misses > 64 + this.#seen * 8) this.#searchNames(group, bytes)
    else this.#searchFields(group, bytes)
    this.#seen += group.spans.length
  }

  /** From one place of the needle to the next; `take` says where to go on in the span it lies in. */
  #eachPlace(group: Group, bytes: Buffer, take: (span: TextSpan, at: number) => number): void {
    const { octets, offset } = this.#probe
    const needle = this.#needle.octets.length === 0 ? (this.#needle.name as Buffer) : this.#needle.octets
    let from = 0
    let number = 0
    for (;;) {
      const found = bytes.indexOf(octets, from)
      if (found < 0) return
      from = found + 1
      const at = found - offset
      while (number < group.spans.length && (group.spans[number] as TextSpan).end - group.start <= at)
        number++
      const span = group.spans[number]
      if (span === undefined) return
      if (at < span.from - group.start || at + needle.length > span.end - group.start) continue
      if (offset > 0 && bytes.compare(needle, 0, offset, at, found) !== 0) continue
      if (this.#answers[span.record] !== answer.no) from = Math.max(from, span.end - group.start)
      else from = Math.max(from, take(span, at))
    }
  }

  #searchTexts(group: Group, bytes: Buffer): void {
    this.#eachPlace(group, bytes, (span) => {
      this.#answers[span.record] = answer.yes
      return span.end - group.start
    })
  }

  /** The value first, then whether it stands in the field. */
  #searchFields(group: Group, bytes: Buffer): void {
    const { name, octets } = this.#needle
    this.#eachPlace(group, bytes, (span, at) => {
      const place = octets.length === 0 ? 'name' : 'value'
      if (fieldBefore(bytes, span.start - group.start, at, name as Buffer, place)) {
        this.#answers[span.record] = answer.yes
        return span.end - group.start
      }
      this.#misses++
      return at + 1
    })
  }

  /** The field first: quicker when the value is found everywhere. */
  #searchNames(group: Group, bytes: Buffer): void {
    const { name, octets } = this.#needle
    for (const span of group.spans) {
      if (this.#answers[span.record] !== answer.no) continue
      const head = bytes.subarray(span.start - group.start, span.end - group.start)
      for (let from = 0; ; ) {
        const value = fieldValue(head, name as Buffer, from)
        if (value === undefined) break
        if (octets.length === 0 || head.subarray(value.start, value.end).includes(octets)) {
          this.#answers[span.record] = answer.yes
          break
        }
        from = value.end
      }
    }
  }
}
