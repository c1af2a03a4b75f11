import * as fs from 'node:fs'
import { crc32 } from '../checksum.ts'
import { FieldColumns } from './field-column.ts'
import { longer, RecordTable, type TextPlacesOfFile } from './record-table.ts'
import {
  bodyPath,
  decodeIndexHead,
  headPath,
  indexHeadBytes,
  indexPath,
  recordBytes,
  textsVersion,
} from './text-record.ts'
import { noStamp, stampOfFiles } from './text-stamp.ts'

export type TextFile = 'head' | 'body'

/** Messages that are looked for: columns of the same length. */
export interface WantedTexts {
  readonly messageIds: Float64Array
  readonly blobIds: Float64Array
  readonly sizes: Float64Array
}

const unchecked = 0
const whole = 1
const damaged = 2

/**
 * What is kept of one account's texts, read from one index and its files: new records are read when the index has
 * grown. Whoever holds it over an await retains it.
 */
export class TextGeneration {
  readonly inode: number
  /** Header fields that were searched. */
  readonly fields = new FieldColumns()
  readonly #files: readonly [index: number, head: number, body: number]
  readonly #records = new RecordTable()
  #readBytes = indexHeadBytes
  #users = 1
  /** Since their writer wrote them on this machine: there is nothing to test. */
  #isUntouched = false
  /** Checksums tested by this process, by record. */
  #checks: Record<TextFile, Uint8Array> = { head: new Uint8Array(), body: new Uint8Array() }

  /** Throws when it is not there, or no index. */
  constructor(directory: string, account: number) {
    const opened: number[] = []
    const open = (path: string): number => {
      const file = fs.openSync(path, 'r')
      opened.push(file)
      return file
    }
    try {
      const index = open(indexPath(directory, account))
      this.inode = fs.fstatSync(index).ino
      const first = Buffer.alloc(indexHeadBytes)
      const filled = fs.readSync(index, first, 0, indexHeadBytes, 0)
      const generation = decodeIndexHead(first.subarray(0, filled), textsVersion)
      if (generation === undefined) throw new RangeError('Not an index of texts')
      const head = open(headPath(directory, account, generation))
      this.#files = [index, head, open(bodyPath(directory, account, generation))]
    } catch (error) {
      for (const file of opened) fs.closeSync(file)
      throw error
    }
  }

  get count(): number {
    return this.#records.count
  }

  retain(): void {
    this.#users++
  }

  release(): void {
    if (--this.#users === 0) for (const file of this.#files) fs.closeSync(file)
  }

  /** Whether this is still the index on disk; it then knows all of its records. */
  isCurrent(stat: { readonly ino: number; readonly size: number }): boolean {
    if (stat.ino !== this.inode || stat.size < this.#readBytes) return false
    if (stat.size >= this.#readBytes + recordBytes) this.#readRecords(stat.size)
    const { stamp } = this.#records
    this.#isUntouched = stamp !== noStamp && stamp === stampOfFiles(this.#files[1], this.#files[2])
    return true
  }

  /** Whether a message needs no more work: its text is kept, or noted as too long. */
  has(messageId: number, blobId: number, sizeBytes: number): boolean {
    return this.#records.find(messageId, blobId, sizeBytes) >= 0
  }

  /** Record numbers, -1 where no text is kept. */
  locate({ messageIds, blobIds, sizes }: WantedTexts): Int32Array {
    const found = new Int32Array(messageIds.length).fill(-1)
    for (let row = 0; row < found.length; row++) {
      const number = this.#records.find(
        messageIds[row] as number,
        blobIds[row] as number,
        sizes[row] as number,
      )
      if (number < 0 || !this.#records.hasText(number)) continue
      if (this.#checks.head[number] === damaged || this.#checks.body[number] === damaged) continue
      found[row] = number
    }
    return found
  }

  /** Record numbers ascending by place in the file, each once. */
  inOrder(located: Int32Array, file: TextFile): Int32Array {
    const order = new Int32Array(located.length)
    const seen = new Uint8Array(this.#records.count)
    let count = 0
    const { starts } = this.#records.placesIn(file)
    let last = -1
    let sorted = true
    for (const number of located) {
      if (number < 0 || seen[number] === 1) continue
      seen[number] = 1
      const start = starts[number] as number
      if (start < last) sorted = false
      last = start
      order[count++] = number
    }
    const wanted = order.subarray(0, count)
    if (sorted) return wanted
    return wanted.sort((a, b) => (starts[a] as number) - (starts[b] as number))
  }

  /** Where texts begin and end, by record. */
  placesIn(file: TextFile): TextPlacesOfFile {
    return this.#records.placesIn(file)
  }

  /** Where bodies begin in the file of bodies: the headers of parts are before. */
  get bodyStarts(): Float64Array {
    return this.#records.bodyStarts
  }

  fileOf(file: TextFile): number {
    return this.#files[file === 'head' ? 1 : 2]
  }

  isChecked(record: number, file: TextFile): boolean {
    return this.#isUntouched || this.#checks[file][record] !== unchecked
  }

  /** Tests the checksum when this process has not done so, and anybody else may have written to the files. */
  check(record: number, bytes: Buffer, file: TextFile): boolean {
    if (this.#isUntouched && this.#checks[file][record] === unchecked) return true
    return this.test(record, bytes, file)
  }

  test(record: number, bytes: Buffer, file: TextFile): boolean {
    const checks = this.#checks[file]
    if (checks[record] === unchecked) {
      const { starts, ends, crcs } = this.#records.placesIn(file)
      const isWhole =
        bytes.length === (ends[record] as number) - (starts[record] as number) &&
        crc32(bytes) === crcs[record]
      checks[record] = isWhole ? whole : damaged
    }
    return checks[record] === whole
  }

  /** Reads some more of an index of so many octets; false when there are no more. */
  readSome(sizeBytes: number): boolean {
    const leftBytes = sizeBytes - this.#readBytes
    if (leftBytes < recordBytes) return false
    const before = this.#readBytes
    this.#readRecords(this.#readBytes + Math.min(leftBytes, partRecords * recordBytes))
    return this.#readBytes > before
  }

  #readRecords(sizeBytes: number): void {
    const bytes = Buffer.allocUnsafeSlow(sizeBytes - this.#readBytes)
    const filled = fs.readSync(this.#files[0], bytes, 0, bytes.length, this.#readBytes)
    this.#readBytes += this.#records.add(bytes.subarray(0, filled))
    const { count } = this.#records
    const { head, body } = this.#checks
    if (head.length >= count) return
    const room = Math.max(64, count + (count >> 1))
    this.#checks = { head: longer(head, room), body: longer(body, room) }
  }
}

/** Records that are read at one go: a few milliseconds. */
const partRecords = 8_192
