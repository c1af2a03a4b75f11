import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from '../checksum.ts'
import type { FileLayer } from '../segments/file-layer.ts'
import { type DeliveryFacts, type FrameHeader, frameBytes, frameHeaderBytes } from '../segments/frame.ts'
import { scanSegment } from '../segments/scan-segment.ts'
import { segmentOfName } from '../segments/segment-path.ts'

export interface KnownFrame {
  readonly segment: number
  readonly offset: number
  readonly header: FrameHeader
  readonly facts: DeliveryFacts | undefined
  readonly summary: Buffer
}

export interface FoundSegments {
  /** Whole frames by blob; of a copy and its original either. */
  readonly frames: Map<number, KnownFrame>
  readonly segments: Map<number, { readonly lengthBytes: number; readonly frames: number }>
  /** By blob: where a frame is that is not whole any more. */
  readonly damaged: Map<number, DamagedFrame>
  /** Octets in which no frame can be found. */
  readonly gaps: { readonly segment: number; readonly from: number; readonly to: number }[]
}

export interface DamagedFrame {
  readonly segment: number
  readonly offset: number
  /** As the header says. */
  readonly header: FrameHeader
  /** What was known of it at its delivery, when that is whole. */
  readonly facts: DeliveryFacts | undefined
  /** Only what stands behind the message is damaged. */
  readonly isBodyWhole: boolean
}

/** Reads every segment from end to end; only frames whose checksums hold count. */
export const findFrames = async (files: FileLayer, directory: string): Promise<FoundSegments> => {
  const found: FoundSegments = { frames: new Map(), segments: new Map(), damaged: new Map(), gaps: [] }
  for (const name of readdirSync(directory).sort()) {
    const segment = segmentOfName(name)
    if (segment === undefined) continue
    const path = join(directory, name)
    const lengthBytes = files.sizeOf(path) ?? 0
    const file = files.openRead(path)
    let count = 0
    let end = 0
    try {
      for await (const { offset, header } of scanSegment(files, file, lengthBytes)) {
        count++
        if (offset > end) found.gaps.push({ segment, from: end, to: offset })
        end = offset + frameBytes(header)
        const frame = await readFrame(files, file, { segment, offset, header })
        if ('summary' in frame) found.frames.set(header.blobId, frame)
        else found.damaged.set(header.blobId, frame)
      }
      if (end < lengthBytes) found.gaps.push({ segment, from: end, to: lengthBytes })
    } finally {
      files.close(file)
    }
    found.segments.set(segment, { lengthBytes, frames: count })
  }
  return found
}

const readFrame = async (
  files: FileLayer,
  file: number,
  place: Pick<KnownFrame, 'segment' | 'offset' | 'header'>,
): Promise<KnownFrame | DamagedFrame> => {
  const { offset, header } = place
  const bytes = Buffer.allocUnsafeSlow(frameBytes(header))
  if ((await files.read(file, bytes, offset)) < bytes.length)
    return { ...place, facts: undefined, isBodyWhole: false }
  const end = frameHeaderBytes + header.bodyBytes
  const tail = bytes.subarray(end)
  const facts = crc32(tail) === header.tailCrc ? parseFacts(tail.subarray(0, header.factsBytes)) : undefined
  const isBodyWhole = crc32(bytes.subarray(frameHeaderBytes, end)) === header.bodyCrc
  if (!isBodyWhole || crc32(tail) !== header.tailCrc) return { ...place, facts, isBodyWhole }
  // Copied, so that the body does not stay in memory.
  return { ...place, facts, summary: Buffer.from(tail.subarray(header.factsBytes)) }
}

export const parseFacts = (bytes: Buffer): DeliveryFacts | undefined => {
  try {
    return JSON.parse(bytes.toString()) as DeliveryFacts
  } catch {
    return undefined
  }
}
