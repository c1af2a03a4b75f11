import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
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
  readonly damaged: string[]
}

/** Reads every segment from end to end; only frames whose checksums hold count. */
export const findFrames = async (files: FileLayer, directory: string): Promise<FoundSegments> => {
  const found: FoundSegments = { frames: new Map(), segments: new Map(), damaged: [] }
  for (const name of readdirSync(directory).sort()) {
    const segment = segmentOfName(name)
    if (segment === undefined) continue
    const path = join(directory, name)
    const lengthBytes = files.sizeOf(path) ?? 0
    const file = files.openRead(path)
    let count = 0
    try {
      for await (const { offset, header } of scanSegment(files, file, lengthBytes)) {
        count++
        const frame = await readWhole(files, file, segment, offset, header)
        if (frame) found.frames.set(header.blobId, frame)
        else found.damaged.push(`Frame at ${segment}:${offset} (blob ${header.blobId}) is damaged`)
      }
    } finally {
      files.close(file)
    }
    found.segments.set(segment, { lengthBytes, frames: count })
  }
  return found
}

const readWhole = async (
  files: FileLayer,
  file: number,
  segment: number,
  offset: number,
  header: FrameHeader,
): Promise<KnownFrame | undefined> => {
  const bytes = Buffer.allocUnsafeSlow(frameBytes(header))
  if ((await files.read(file, bytes, offset)) < bytes.length) return undefined
  const end = frameHeaderBytes + header.bodyBytes
  const tail = bytes.subarray(end)
  if (crc32(bytes.subarray(frameHeaderBytes, end)) !== header.bodyCrc || crc32(tail) !== header.tailCrc)
    return undefined
  // Copied, so that the body does not stay in memory.
  const summary = Buffer.from(tail.subarray(header.factsBytes))
  return { segment, offset, header, summary, facts: parseFacts(tail.subarray(0, header.factsBytes)) }
}

const parseFacts = (bytes: Buffer): DeliveryFacts | undefined => {
  try {
    return JSON.parse(bytes.toString()) as DeliveryFacts
  } catch {
    return undefined
  }
}
