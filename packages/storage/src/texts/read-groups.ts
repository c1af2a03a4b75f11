import * as fs from 'node:fs'
import { promisify } from 'node:util'
import { workTurns } from '../work-turns.ts'
import type { TextFile, TextGeneration } from './text-generation.ts'

/** Small enough for the processor's cache: what was copied there is searched there. */
const groupBytes = 256 * 1024
const maxGapBytes = 32 * 1024
/** A read that takes longer did not come from memory: the next ones are waited for off the event loop. */
const slowReadMs = 3

/** Texts that lie together: `records[from..to)` of those asked for, octets [start, end) of the file. */
export interface TextGroup {
  readonly from: number
  readonly to: number
  readonly start: number
  readonly end: number
  /** Checksums were tested: it was read before, and is probably in memory. */
  readonly known: boolean
}

const readFile = promisify(fs.read)

/**
 * Reads texts in the order of their file, many with one read, and hands them to `take`, letting others in between.
 * What cannot be read comes short.
 *
 * @param records see `inOrder`
 */
export const readGroups = async (
  texts: TextGeneration,
  file: TextFile,
  records: Int32Array,
  signal: AbortSignal | undefined,
  take: (group: TextGroup, bytes: Buffer) => void,
): Promise<void> => {
  texts.retain()
  try {
    await new GroupReader(texts, file, records).run(signal, take)
  } finally {
    texts.release()
  }
}

class GroupReader {
  readonly #texts: TextGeneration
  readonly #file: TextFile
  readonly #records: Int32Array
  readonly #starts: Float64Array
  readonly #ends: Float64Array
  readonly #memory = [Buffer.allocUnsafeSlow(groupBytes), Buffer.allocUnsafeSlow(groupBytes)]
  #slow = false

  constructor(texts: TextGeneration, file: TextFile, records: Int32Array) {
    this.#texts = texts
    this.#file = file
    this.#records = records
    const { starts, ends } = texts.placesIn(file)
    this.#starts = starts
    this.#ends = ends
  }

  async run(signal: AbortSignal | undefined, take: (group: TextGroup, bytes: Buffer) => void): Promise<void> {
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
        if (workTurns.isOver) await workTurns.next()
        take(group, bytes)
      } catch (error) {
        // Its memory, and its file, are in use until then.
        await ahead
        throw error
      }
      group = next
    }
  }

  #groupAt(from: number): TextGroup | undefined {
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

  #isQuick(group: TextGroup): boolean {
    return group.known && !this.#slow
  }

  /** Two buffers in turns: one is read into while the other is searched. */
  #target(group: TextGroup, at: number): Buffer {
    const octets = group.end - group.start
    const memory = this.#memory[at & 1] as Buffer
    return octets <= memory.length ? memory.subarray(0, octets) : Buffer.allocUnsafeSlow(octets)
  }

  #readNow(group: TextGroup, at: number): Buffer {
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

  async #readAhead(group: TextGroup, at: number): Promise<Buffer> {
    const target = this.#target(group, at)
    try {
      const file = this.#texts.fileOf(this.#file)
      const { bytesRead } = await readFile(file, target, 0, target.length, group.start)
      return target.subarray(0, bytesRead)
    } catch {
      return target.subarray(0, 0)
    }
  }
}
