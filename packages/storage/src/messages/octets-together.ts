import { crc32 } from '../checksum.ts'
import type { OctetsTogether } from '../contract.ts'
import type { BlobPlaces } from '../rows/blob-row.ts'
import { bodyCrcAt, frameHeaderBytes } from '../segments/frame.ts'
import type { SegmentReader } from '../segments/segment-reader.ts'
import type { Allocate } from './read-memory.ts'

/** One read is at most about this long: as much as is read at once. */
const maxRunBytes = 1024 * 1024
/** Before the first message of a read, beside its prefix: the reader writes there. */
const roomBefore = 256

/** Columns of the same length. */
export interface WantedTogether {
  readonly blobIds: Float64Array
  /** Of the turn in which they are wanted. */
  readonly places: BlobPlaces
  /** undefined: it has none. */
  readonly prefixes: readonly (Buffer | undefined)[]
}

/** Frames that one read brings. */
interface Run {
  readonly firstRow: number
  endRow: number
  readonly start: number
  end: number
  /** Where it goes in the memory. */
  readonly at: number
}

/**
 * Reads frames that lie in their order in the segments, however far from each other, into one piece of memory, and
 * verifies each. undefined: they do not lie so, or something is not as it should be; who reads them one by one knows
 * more.
 */
export const readTogether = async (
  segments: SegmentReader,
  wanted: WantedTogether,
  allocate: Allocate,
): Promise<OctetsTogether | undefined> => {
  const { places } = wanted
  const runs = runsOf(wanted)
  const last = runs?.[runs.length - 1]
  if (runs === undefined || last === undefined) return undefined
  const memory = allocate(last.at + last.end - last.start + roomBefore)
  for (const { firstRow, start, end, at } of runs) {
    const target = memory.subarray(at, at + end - start)
    const read = await segments.read(places.segments[firstRow] as number, start, end - start, () => target)
    if (read.length < end - start) return undefined
  }
  const starts = new Uint32Array(wanted.blobIds.length)
  const ends = new Uint32Array(wanted.blobIds.length)
  const octets = { memory, starts, ends }
  for (const run of runs) if (verify(run, wanted, octets) === 'otherwise') return undefined
  return octets
}

/** undefined: their order is another. */
const runsOf = ({ places, prefixes }: WantedTogether): Run[] | undefined => {
  const { segments, offsets, bodyBytes } = places
  const runs: Run[] = []
  let run: Run | undefined
  for (let row = 0; row < segments.length; row++) {
    const start = offsets[row] as number
    const lengthBytes = frameHeaderBytes + (bodyBytes[row] as number)
    const end = start + lengthBytes
    const prefixBytes = prefixes[row]?.length ?? 0
    if (run !== undefined) {
      const isSame = segments[row] === segments[row - 1]
      const gap = start - run.end
      if (isSame ? gap < 0 : (segments[row] as number) < (segments[row - 1] as number)) return undefined
      // Of what is dead no more is read than of what is wanted.
      const joins = isSame && gap <= lengthBytes && end - run.start <= maxRunBytes
      if (joins && prefixBytes <= gap + frameHeaderBytes) {
        run.end = end
        run.endRow = row + 1
        continue
      }
    }
    const before = run === undefined ? 0 : run.at + run.end - run.start
    const at = before + roomBefore + prefixBytes
    run = { firstRow: row, endRow: row + 1, start, end, at }
    runs.push(run)
  }
  return runs
}

const verify = (
  run: Run,
  { blobIds, places, prefixes }: WantedTogether,
  { memory, starts, ends }: OctetsTogether,
): 'verified' | 'otherwise' => {
  const { offsets, bodyBytes, headBytes } = places
  const base = run.at - run.start
  for (let row = run.firstRow; row < run.endRow; row++) {
    const frameAt = base + (offsets[row] as number)
    const body = bodyBytes[row] as number
    const from = frameAt + frameHeaderBytes
    const octets = new Uint8Array(memory.buffer, memory.byteOffset + from, body)
    const expected = bodyCrcAt(memory, frameAt, blobIds[row] as number, body, headBytes[row] as number)
    if (expected !== crc32(octets)) return 'otherwise'
    const prefix = prefixes[row]
    const start = from - (prefix?.length ?? 0)
    // The frame's header, and what the frame before has behind its message, have been looked at.
    prefix?.copy(memory, start)
    starts[row] = start
    ends[row] = from + body
  }
  return 'verified'
}
