import { randomInt } from 'node:crypto'
import * as fs from 'node:fs'
import { crc32 } from '../checksum.ts'
import {
  bodyPath,
  decodeIndexHead,
  decodeRecord,
  encodeIndexHead,
  encodeRecord,
  headPath,
  indexHeadBytes,
  indexPath,
  recordBytes,
  type TextRecord,
  textsVersion,
} from './text-record.ts'
import { noStamp, stampOf, stampOfFiles } from './text-stamp.ts'

/** Messages to be kept, and their texts one behind the other. */
export interface NewTexts {
  readonly texts: readonly NewText[]
  readonly heads: Buffer
  readonly bodies: Buffer
}

/** One message to be kept; one that is too long has no texts. */
export interface NewText {
  readonly messageId: number
  readonly blobId: number
  readonly sizeBytes: number
  readonly headBytes: number
  /** MIME headers of the parts, then bodies. */
  readonly partBytes: number
  readonly bodyBytes: number
  readonly tooLong: boolean
}

interface OpenTexts {
  readonly index: number
  readonly head: number
  readonly body: number
  readonly records: number
  /** As they were left by whoever wrote last. */
  readonly isUntouched: boolean
}

const copyBytes = 1024 * 1024

/** Texts first, then the records that name them: a record is never ahead of its text. One writer at a time. */
export const appendTexts = (directory: string, account: number, added: NewTexts): void => {
  const open = openTexts(directory, account)
  try {
    const headAt = fs.fstatSync(open.head).size
    const bodyAt = fs.fstatSync(open.body).size
    writeAll(open.head, added.heads, headAt)
    writeAll(open.body, added.bodies, bodyAt)
    const stamp = open.isUntouched ? stampOfFiles(open.head, open.body) : noStamp
    writeAll(open.index, recordsOf(added, headAt, bodyAt, stamp), indexHeadBytes + open.records * recordBytes)
  } finally {
    closeTexts(open)
  }
}

const recordsOf = (
  { texts, heads, bodies }: NewTexts,
  headAt: number,
  bodyAt: number,
  stamp: number,
): Buffer => {
  let head = 0
  let body = 0
  const records = texts.map((text) => {
    const headEnd = head + text.headBytes
    const bodyEnd = body + text.partBytes + text.bodyBytes
    const record = encodeRecord({
      ...text,
      headAt: headAt + head,
      headCrc: crc32(heads.subarray(head, headEnd)),
      bodyAt: bodyAt + body,
      bodyCrc: crc32(bodies.subarray(body, bodyEnd)),
      stamp,
    })
    head = headEnd
    body = bodyEnd
    return record
  })
  return Buffer.concat(records)
}

const writeAll = (file: number, bytes: Buffer, position: number): void => {
  for (let done = 0; done < bytes.length; ) {
    done += fs.writeSync(file, bytes, done, bytes.length - done, position + done)
  }
}

/** Makes them, also anew when one is missing or no index. */
const openTexts = (directory: string, account: number): OpenTexts => {
  const generation = readGeneration(directory, account)
  if (generation !== undefined) {
    try {
      const open = openGeneration(directory, account, generation, 'r+')
      const last = lastRecord(open)
      if (open.records === 0 || (last !== undefined && isComplete(open, last))) {
        const stamp = last?.stamp ?? noStamp
        const isUntouched = stamp !== noStamp && stamp === stampOfFiles(open.head, open.body)
        return { ...open, isUntouched: isUntouched || isEmpty(open) }
      }
      closeTexts(open)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
  removeTexts(directory, account)
  return openGeneration(directory, account, newGeneration(), 'w+')
}

/** undefined for a damaged one. */
const lastRecord = ({ index, records }: OpenTexts): TextRecord | undefined => {
  if (records === 0) return undefined
  const bytes = Buffer.alloc(recordBytes)
  fs.readSync(index, bytes, 0, recordBytes, indexHeadBytes + (records - 1) * recordBytes)
  return decodeRecord(bytes, 0)
}

/** Texts that were cut short would be written over: all are made anew. */
const isComplete = ({ head, body }: OpenTexts, last: TextRecord): boolean =>
  fs.fstatSync(head).size >= last.headAt + last.headBytes &&
  fs.fstatSync(body).size >= last.bodyAt + last.partBytes + last.bodyBytes

const isEmpty = ({ records, head, body }: OpenTexts): boolean =>
  records === 0 && fs.fstatSync(head).size + fs.fstatSync(body).size === 0

const closeTexts = ({ index, head, body }: OpenTexts): void => {
  for (const file of [index, head, body]) fs.closeSync(file)
}

/** Never the same again, so that a reader knows that its files are of yesterday. */
const newGeneration = (): number => randomInt(1, 0xffff_ffff)

export const readGeneration = (
  directory: string,
  account: number,
  version: number | 'any' = textsVersion,
): number | undefined => {
  try {
    const file = fs.openSync(indexPath(directory, account), 'r')
    try {
      const head = Buffer.alloc(indexHeadBytes)
      const filled = fs.readSync(file, head, 0, indexHeadBytes, 0)
      return decodeIndexHead(head.subarray(0, filled), version)
    } finally {
      fs.closeSync(file)
    }
  } catch {
    return undefined
  }
}

const openGeneration = (
  directory: string,
  account: number,
  generation: number,
  flags: 'r+' | 'w+',
): OpenTexts => {
  const opened: number[] = []
  const open = (path: string): number => {
    const file = fs.openSync(path, flags, 0o600)
    opened.push(file)
    return file
  }
  try {
    const head = open(headPath(directory, account, generation))
    const body = open(bodyPath(directory, account, generation))
    const index = open(indexPath(directory, account))
    if (flags === 'w+') writeAll(index, encodeIndexHead(generation), 0)
    const bytes = fs.fstatSync(index).size - indexHeadBytes
    // A record cut short by a crash is written over.
    const records = Math.max(0, Math.floor(bytes / recordBytes))
    return { index, head, body, records, isUntouched: flags === 'w+' }
  } catch (error) {
    for (const file of opened) fs.closeSync(file)
    throw error
  }
}

/** What has lost its index is left for the sweep. */
export const removeTexts = (directory: string, account: number): void => {
  const generation = readGeneration(directory, account, 'any')
  fs.rmSync(indexPath(directory, account), { force: true })
  if (generation === undefined) return
  fs.rmSync(headPath(directory, account, generation), { force: true })
  fs.rmSync(bodyPath(directory, account, generation), { force: true })
}

/** Writes the texts of living messages (ascending ids) into a new generation and removes the old one. */
export const compactTexts = (directory: string, account: number, living: Float64Array): void => {
  const generation = readGeneration(directory, account)
  if (generation === undefined) {
    removeTexts(directory, account)
    return
  }
  const records = livingRecords(fs.readFileSync(indexPath(directory, account)), living)
  const next = newGeneration()
  const index = `${indexPath(directory, account)}.new`
  const [head, body] = [headPath(directory, account, next), bodyPath(directory, account, next)]
  const written = copyTexts(records, [
    [headPath(directory, account, generation), head],
    [bodyPath(directory, account, generation), body],
  ])
  // What was copied was tested.
  const stamp = stampOf(fs.statSync(head, { bigint: true }), fs.statSync(body, { bigint: true }))
  const encoded = written.map((record) => encodeRecord({ ...record, stamp }))
  fs.writeFileSync(index, Buffer.concat([encodeIndexHead(next), ...encoded]), { mode: 0o600 })
  fs.renameSync(index, indexPath(directory, account))
  fs.rmSync(headPath(directory, account, generation), { force: true })
  fs.rmSync(bodyPath(directory, account, generation), { force: true })
}

/** The last record of each living message. */
const livingRecords = (bytes: Buffer, living: Float64Array): TextRecord[] => {
  const alive = new Set(living)
  const kept = new Map<number, TextRecord>()
  for (let at = indexHeadBytes; at + recordBytes <= bytes.length; at += recordBytes) {
    const record = decodeRecord(bytes, at)
    if (record !== undefined && alive.has(record.messageId)) kept.set(record.messageId, record)
  }
  return [...kept.values()]
}

type Paths = readonly [from: string, to: string]

/** What is damaged is left behind: its message is searched directly and made anew. */
const copyTexts = (
  records: readonly TextRecord[],
  [heads, bodies]: readonly [Paths, Paths],
): TextRecord[] => {
  const head = new TextCopy(heads)
  const body = new TextCopy(bodies)
  try {
    const written: TextRecord[] = []
    for (const record of records) {
      const headAt = head.copy(record.headAt, record.headBytes, record.headCrc)
      const bodyAt = body.copy(record.bodyAt, record.partBytes + record.bodyBytes, record.bodyCrc)
      if (headAt !== undefined && bodyAt !== undefined) written.push({ ...record, headAt, bodyAt })
    }
    return written
  } finally {
    head.close()
    body.close()
  }
}

class TextCopy {
  readonly #from: number
  readonly #to: number
  #length = 0
  #pending: Buffer[] = []
  #pendingBytes = 0

  constructor([from, to]: Paths) {
    this.#from = fs.openSync(from, 'r')
    this.#to = fs.openSync(to, 'w', 0o600)
  }

  /** Where it is now; undefined when it is damaged. */
  copy(at: number, lengthBytes: number, crc: number): number | undefined {
    const bytes = Buffer.allocUnsafe(lengthBytes)
    const filled = lengthBytes === 0 ? 0 : fs.readSync(this.#from, bytes, 0, lengthBytes, at)
    if (filled !== lengthBytes || crc32(bytes) !== crc) return undefined
    this.#pending.push(bytes)
    this.#pendingBytes += lengthBytes
    if (this.#pendingBytes >= copyBytes) this.#flush()
    return this.#length + this.#pendingBytes - lengthBytes
  }

  close(): void {
    this.#flush()
    fs.closeSync(this.#from)
    fs.closeSync(this.#to)
  }

  #flush(): void {
    writeAll(this.#to, Buffer.concat(this.#pending), this.#length)
    this.#length += this.#pendingBytes
    this.#pending = []
    this.#pendingBytes = 0
  }
}
