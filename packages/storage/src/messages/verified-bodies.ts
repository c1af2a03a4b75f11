import { setImmediate as nextTurn } from 'node:timers/promises'
import { crc32 } from '../checksum.ts'
import { StoreError } from '../contract.ts'
import { type BlobRow, frameBytesOf } from '../rows/blob-row.ts'
import { decodeFrameHeader, frameHeaderBytes } from '../segments/frame.ts'
import type { SegmentReader } from '../segments/segment-reader.ts'
import { verifiedForMs } from './verified-places.ts'

const pieceBytes = 1024 * 1024
/** A number each; messages of this length are few. */
const maxKnown = 4_096

/**
 * Long bodies are read in pieces, and their frame has one checksum of the whole: before the first piece is served, the
 * body is read once from end to end. Where it is then does not change: after compaction it is another place.
 */
export class VerifiedBodies {
  readonly #segments: SegmentReader
  /** Until when. */
  readonly #known = new Map<string, number>()
  readonly #running = new Map<string, Promise<void>>()

  constructor(segments: SegmentReader) {
    this.#segments = segments
  }

  /** Throws 'corrupt'. */
  async ensure(blobId: number, row: BlobRow): Promise<void> {
    const place = `${row.segment}:${row.offset}:${blobId}`
    if ((this.#known.get(place) ?? 0) > performance.now()) return
    let running = this.#running.get(place)
    if (running === undefined) {
      running = this.#verify(blobId, row, place).finally(() => this.#running.delete(place))
      this.#running.set(place, running)
    }
    await running
  }

  async #verify(blobId: number, row: BlobRow, place: string): Promise<void> {
    const what = `Cannot read message at ${row.segment}:${row.offset}`
    const header = decodeFrameHeader(await this.#segments.read(row.segment, row.offset, frameHeaderBytes))
    if (header === undefined || header.blobId !== blobId || header.bodyBytes !== row.bodyBytes)
      throw new StoreError('corrupt', `${what}: another frame is there`)
    const memory = Buffer.allocUnsafeSlow(Math.min(pieceBytes, frameBytesOf(row)))
    let checksum = 0
    for (let at = 0; at < row.bodyBytes; ) {
      const wanted = Math.min(pieceBytes, row.bodyBytes - at)
      const position = row.offset + frameHeaderBytes + at
      const piece = await this.#segments.read(row.segment, position, wanted, () => memory.subarray(0, wanted))
      if (piece.length < wanted) throw new StoreError('corrupt', `${what}: the segment is too short`)
      checksum = crc32(piece, checksum)
      at += wanted
      await nextTurn()
    }
    if (checksum !== header.bodyCrc) throw new StoreError('corrupt', `${what}: its checksum is wrong`)
    if (this.#known.size >= maxKnown) this.#known.delete(this.#known.keys().next().value as string)
    this.#known.set(place, performance.now() + verifiedForMs)
  }
}
