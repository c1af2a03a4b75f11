import { crc32 } from '../checksum.ts'
import { type OctetsTogether, StoreError } from '../contract.ts'
import type { Environment } from '../kv/environment.ts'
import { Snapshot } from '../kv/unit.ts'
import { type BlobRow, readBlobRow } from '../rows/blob-row.ts'
import { decodeFrameHeader, type FrameHeader, frameHeaderBytes } from '../segments/frame.ts'
import type { SegmentReader } from '../segments/segment-reader.ts'
import { type Located, locate, locateRows } from './locate.ts'
import { isReadableSummary } from './message-digest.ts'
import { readTogether, type WantedTogether } from './octets-together.ts'
import { type Allocate, freshMemory } from './read-memory.ts'
import { summaryAgain } from './summary-again.ts'
import { VerifiedBodies } from './verified-bodies.ts'
import { VerifiedPlaces } from './verified-places.ts'

/** One read of neighbouring frames is at most about this long, and reads over gaps up to that. */
const maxRunBytes = 4 * 1024 * 1024
const maxGapBytes = 64 * 1024
/** The same where parts are wanted: another read costs less than more of what nobody asked for. */
const maxGapBytesOfParts = 8 * 1024
/** Ranges of a body up to this length are read whole, so that the checksum can be tested. */
const verifiedRangeBytes = 256 * 1024
const roomBytes = 128 * 1024
/** Room for one of more would be kept for good. */
const quickFrameBytes = 256 * 1024

/** Columns of the same length. */
export interface WantedBlobs {
  readonly blobIds: readonly number[]
  /** Of this turn; undefined: not wanted, or gone. */
  readonly rows: readonly (BlobRow | undefined)[]
  readonly prefixes: readonly Buffer[]
  /** Of the body at `index` no more than so many octets are wanted: with 'all'. */
  readonly mostOf?: (index: number) => number
}

interface Run {
  readonly segment: number
  readonly start: number
  end: number
  readonly located: Located[]
}

/** Reads messages' octets and summaries from segments, many frames with one read, and verifies them. */
export class BlobReader {
  readonly #environment: Environment
  readonly #segments: SegmentReader
  readonly #verified: VerifiedBodies
  readonly #places = new VerifiedPlaces()
  /** Of `readNow`. */
  #room: Buffer = Buffer.alloc(0)

  constructor(environment: Environment, segments: SegmentReader) {
    this.#environment = environment
    this.#segments = segments
    this.#verified = new VerifiedBodies(segments)
  }

  /** Each with its prefix before it. Throws 'corrupt'. */
  async readMany(
    { blobIds, rows, prefixes, mostOf }: WantedBlobs,
    want: 'header' | 'all',
    allocate?: Allocate,
  ): Promise<(Buffer | undefined)[]> {
    // Between one header and the next lies a body that nobody asked for.
    const headers = want === 'header' ? this.#headersNow({ blobIds, rows, prefixes }) : undefined
    if (headers !== undefined) return headers
    const bodies: (Buffer | undefined)[] = new Array(blobIds.length)
    const located = locateRows(rows, want)
    const parts = mostOf && located.map((each) => each && this.#partOf(each, mostOf))
    for (const run of parts ? runsOf(parts, maxGapBytesOfParts) : runsOf(located)) {
      try {
        await this.#readRun(run, want, { blobIds, prefixes }, bodies, allocate)
      } catch (error) {
        // Compaction may have moved the frames since they were located.
        if (!(error instanceof StoreError) || !this.#moved(run, blobIds)) throw error
        for (const { index } of run.located) {
          const body = await this.#readOne(blobIds[index] as number, want)
          bodies[index] = body && withPrefix(prefixes[index] as Buffer, body)
        }
      }
    }
    return bodies
  }

  /** The beginning of one whose checksum is known to be right. */
  #partOf(located: Located, mostOf: (index: number) => number): Located {
    const { index, row } = located
    if (!this.#places.has(row)) return located
    const lengthBytes = frameHeaderBytes + Math.min(mostOf(index), row.bodyBytes)
    return lengthBytes < located.lengthBytes ? { ...located, lengthBytes, isPart: true } : located
  }

  /** See `readTogether`. */
  async readTogether(wanted: WantedTogether, allocate: Allocate): Promise<OctetsTogether | undefined> {
    try {
      return await readTogether(this.#segments, wanted, allocate)
    } catch (error) {
      if (error instanceof StoreError) return undefined
      throw error
    }
  }

  /** Of a body, how many octets `readNow` reads where no more than `most` are wanted. */
  octetsToRead(row: BlobRow, most: () => number): number {
    return this.#places.has(row) ? Math.min(most(), row.bodyBytes) : row.bodyBytes
  }

  /**
   * A body behind its prefix, in memory that the next call uses again; undefined when it cannot be read at once, or
   * is not at `row`: compaction may have moved it since the index was asked.
   * @param bodyBytes not more of it: as `octetsToRead` says
   */
  readNow(blobId: number, row: BlobRow, prefix: Buffer, bodyBytes = row.bodyBytes): Buffer | undefined {
    const lengthBytes = frameHeaderBytes + bodyBytes
    if (lengthBytes > quickFrameBytes) return undefined
    const endAt = prefix.length + lengthBytes
    const room = this.#roomFor(endAt).subarray(0, endAt)
    return this.#readInto(room, blobId, row, { prefix, want: bodyBytes < row.bodyBytes ? 'part' : 'all' })
  }

  /** undefined: one of them cannot be read at once, or is not there. */
  #headersNow({ blobIds, rows, prefixes }: WantedBlobs): (Buffer | undefined)[] | undefined {
    const headers: (Buffer | undefined)[] = new Array(blobIds.length)
    const lengthOf = (row: BlobRow, index: number): number =>
      (prefixes[index] as Buffer).length + frameHeaderBytes + row.headBytes
    const memory = Buffer.allocUnsafeSlow(
      rows.reduce((sum, row, index) => sum + (row ? lengthOf(row, index) : 0), 0),
    )
    let from = 0
    for (const [index, row] of rows.entries()) {
      if (row === undefined) continue
      const end = from + lengthOf(row, index)
      headers[index] = this.#readInto(memory.subarray(from, end), blobIds[index] as number, row, {
        prefix: prefixes[index] as Buffer,
        want: 'header',
      })
      if (headers[index] === undefined) return undefined
      from = end
    }
    return headers
  }

  /** Octets behind their prefix, in `room`, which has room for a frame's header, too. */
  #readInto(
    room: Buffer,
    blobId: number,
    row: BlobRow,
    { prefix, want }: { readonly prefix: Buffer; readonly want: 'header' | 'all' | 'part' },
  ): Buffer | undefined {
    try {
      const target = room.subarray(prefix.length)
      if (!this.#segments.readNow(row.segment, row.offset, target)) return undefined
      if (want === 'part') headerOf(target, blobId, row)
      else this.#tested(target, blobId, row, want)
    } catch (error) {
      if (error instanceof StoreError) return undefined
      throw error
    }
    // The frame's header has been looked at: the prefix takes its place.
    prefix.copy(room, frameHeaderBytes)
    return room.subarray(frameHeaderBytes)
  }

  #roomFor(sizeBytes: number): Buffer {
    if (this.#room.length < sizeBytes) this.#room = Buffer.allocUnsafeSlow(Math.max(sizeBytes, roomBytes))
    return this.#room
  }

  /** Octets [start, end) of a blob's body, in `into` where they are read piece by piece and it is long enough. */
  async readRange(blobId: number, start: number, end: number, into?: Buffer): Promise<Buffer | undefined> {
    const row = readBlobRow(new Snapshot(this.#environment), blobId)
    if (row === undefined) return undefined
    const to = Math.min(end, row.bodyBytes)
    if (start >= to) return Buffer.alloc(0)
    const isVerified = to - start < row.bodyBytes && this.#places.has(row)
    if (!isVerified && (row.bodyBytes <= verifiedRangeBytes || to - start === row.bodyBytes)) {
      const whole = await this.#readOne(blobId, 'all')
      return whole?.subarray(start, to)
    }
    const position = row.offset + frameHeaderBytes + start
    try {
      if (!isVerified) await this.#verified.ensure(blobId, row)
      const piece = await this.#segments.read(row.segment, position, to - start, memoryFrom(into))
      return exactly(piece, to - start, row)
    } catch (error) {
      if (!this.#rowMoved(blobId, row)) throw error
      return this.readRange(blobId, start, end, into)
    }
  }

  /** The encoded summary, from the row or from the frame; made from the message when it is of another version. */
  async readSummary(blobId: number): Promise<Buffer | undefined> {
    const row = readBlobRow(new Snapshot(this.#environment), blobId)
    const kept = row && (row.summary ?? (await this.#summaryInFrame(blobId, row)))
    if (row === undefined || kept === undefined || isReadableSummary(kept)) return kept
    return summaryAgain(row.bodyBytes, (start, end) => this.readRange(blobId, start, end))
  }

  async #summaryInFrame(blobId: number, row: BlobRow): Promise<Buffer | undefined> {
    const position = row.offset + frameHeaderBytes + row.bodyBytes + row.factsBytes
    try {
      return exactly(
        await this.#segments.read(row.segment, position, row.summaryBytes),
        row.summaryBytes,
        row,
      )
    } catch (error) {
      if (!this.#rowMoved(blobId, row)) throw error
      return this.readSummary(blobId)
    }
  }

  async #readOne(blobId: number, want: 'header' | 'all'): Promise<Buffer | undefined> {
    for (let attempt = 0; ; attempt++) {
      const [located] = locate(new Snapshot(this.#environment), [blobId], want)
      if (located === undefined) return undefined
      try {
        const bytes = await this.#segments.read(located.row.segment, located.start, located.lengthBytes)
        return this.#tested(bytes, blobId, located.row, want)
      } catch (error) {
        if (attempt > 3 || !this.#rowMoved(blobId, located.row)) throw error
      }
    }
  }

  async #readRun(
    run: Run,
    want: 'header' | 'all',
    { blobIds, prefixes }: Pick<WantedBlobs, 'blobIds' | 'prefixes'>,
    into: (Buffer | undefined)[],
    allocate: Allocate | undefined,
  ): Promise<void> {
    const bytes = await this.#segments.read(run.segment, run.start, run.end - run.start, allocate)
    // What the message before needs of the memory.
    let usedBytes = 0
    let last: { readonly start: number; readonly index: number } | undefined
    for (const { index, row, start, lengthBytes, isPart } of run.located) {
      const prefix = prefixes[index] as Buffer
      const from = start - run.start
      const frame = bytes.subarray(from, from + lengthBytes)
      // A copy in the same mailbox: the frame's header may be gone by now, its body was verified.
      if (last?.start === start) {
        const same = prefix.equals(prefixes[last.index] as Buffer)
        const copied = frame.subarray(frameHeaderBytes)
        into[index] = same ? into[last.index] : withPrefix(prefix, copied)
        usedBytes = Math.max(usedBytes, from + lengthBytes)
        continue
      }
      const blobId = blobIds[index] as number
      const body = isPart ? partOf(frame, lengthBytes, blobId, row) : this.#tested(frame, blobId, row, want)
      last = { start, index }
      const bodyFrom = from + frameHeaderBytes
      // Between two messages there is room: what the store says of them.
      if (prefix.length > 0 && bodyFrom - prefix.length >= usedBytes) {
        prefix.copy(bytes, bodyFrom - prefix.length)
        into[index] = bytes.subarray(bodyFrom - prefix.length, from + lengthBytes)
      } else into[index] = withPrefix(prefix, body)
      usedBytes = from + lengthBytes
    }
  }

  #tested(frame: Buffer, blobId: number, row: BlobRow, want: 'header' | 'all'): Buffer {
    const body = verified(frame, blobId, row, want)
    if (want === 'all') this.#places.add(row)
    return body
  }

  #moved(run: Run, blobIds: readonly number[]): boolean {
    return run.located.some(({ index, row }) => this.#rowMoved(blobIds[index] as number, row))
  }

  #rowMoved(blobId: number, former: BlobRow): boolean {
    const row = readBlobRow(new Snapshot(this.#environment), blobId)
    return row === undefined || row.segment !== former.segment || row.offset !== former.offset
  }
}

const memoryFrom =
  (given: Buffer | undefined): Allocate =>
  (lengthBytes) =>
    given !== undefined && given.length >= lengthBytes
      ? given.subarray(0, lengthBytes)
      : freshMemory(lengthBytes)

const withPrefix = (prefix: Buffer, body: Buffer): Buffer =>
  prefix.length === 0 ? body : Buffer.concat([prefix, body])

const runsOf = (located: readonly (Located | undefined)[], gapBytes = maxGapBytes): Run[] => {
  const present = located.filter((each) => each !== undefined) as Located[]
  present.sort((a, b) => a.row.segment - b.row.segment || a.start - b.start)
  const runs: Run[] = []
  let run: Run | undefined
  for (const each of present) {
    const end = each.start + each.lengthBytes
    const joins =
      run !== undefined &&
      run.segment === each.row.segment &&
      each.start - run.end <= gapBytes &&
      end - run.start <= maxRunBytes
    if (run !== undefined && joins) {
      run.end = Math.max(run.end, end)
      run.located.push(each)
    } else {
      run = { segment: each.row.segment, start: each.start, end, located: [each] }
      runs.push(run)
    }
  }
  return runs
}

const corrupt = (row: BlobRow, what: string): StoreError =>
  new StoreError('corrupt', `Cannot read message at ${row.segment}:${row.offset}: ${what}`)

const exactly = (bytes: Buffer, lengthBytes: number, row: BlobRow): Buffer => {
  if (bytes.length === lengthBytes) return bytes
  throw corrupt(row, 'the segment is too short')
}

const headerOf = (frame: Buffer, blobId: number, row: BlobRow): FrameHeader => {
  const header = decodeFrameHeader(frame)
  if (header === undefined) throw corrupt(row, 'no frame is there')
  if (header.blobId !== blobId) throw corrupt(row, 'another frame is there')
  if (header.bodyBytes !== row.bodyBytes || header.headBytes !== row.headBytes)
    throw corrupt(row, 'the index says it is of another length')
  return header
}

/** Of a body that was verified. */
const partOf = (frame: Buffer, lengthBytes: number, blobId: number, row: BlobRow): Buffer => {
  headerOf(frame, blobId, row)
  return exactly(frame, lengthBytes, row).subarray(frameHeaderBytes)
}

const verified = (frame: Buffer, blobId: number, row: BlobRow, want: 'header' | 'all'): Buffer => {
  const header = headerOf(frame, blobId, row)
  const octets = want === 'all' ? row.bodyBytes : row.headBytes
  const body = exactly(frame.subarray(frameHeaderBytes), octets, row)
  const expected = want === 'all' ? header.bodyCrc : header.headCrc
  const unchecked = want === 'header' && expected === 0
  if (!unchecked && crc32(body) !== expected) throw corrupt(row, 'its checksum is wrong')
  return body
}
