import * as fs from 'node:fs'
import { bytesOfOctets, decodeSummary, type OctetRanges, searchableRanges } from '@posthorn/mail'
import { checksum, decodeFrameHeader, type FrameHeader, frameHeaderBytes } from '../segments/frame.ts'
import { segmentPath } from '../segments/segment-path.ts'
import { foldMessage, maxTextLength } from './fold-message.ts'
import type { NewText } from './text-writer.ts'

/** One message whose text is to be made, and where its frame was. */
export interface FrameToFold {
  readonly messageId: number
  readonly blobId: number
  readonly sizeBytes: number
  readonly segment: number
  readonly offset: number
  /** Octets. */
  readonly prefix: string
}

/** Larger messages are not read whole. */
const wholeBytes = 1024 * 1024

/** Those that cannot be read now (moved, deleted, damaged) are left out. */
export const foldFrames = (segmentDirectory: string, frames: readonly FrameToFold[]): NewText[] => {
  const made: NewText[] = []
  let open: { readonly segment: number; readonly file: number } | undefined
  try {
    for (const frame of frames) {
      if (open?.segment !== frame.segment) {
        if (open !== undefined) fs.closeSync(open.file)
        open = undefined
        const file = openSegment(segmentDirectory, frame.segment)
        if (file === undefined) continue
        open = { segment: frame.segment, file }
      }
      const { messageId, blobId, sizeBytes } = frame
      const read = readFrame(open.file, frame)
      if (read === undefined) continue
      made.push({ messageId, blobId, sizeBytes, folded: read === 'too-long' ? undefined : fold(frame, read) })
    }
  } finally {
    if (open !== undefined) fs.closeSync(open.file)
  }
  return made
}

const openSegment = (directory: string, segment: number): number | undefined => {
  try {
    return fs.openSync(segmentPath(directory, segment), 'r')
  } catch {
    return undefined
  }
}

interface ReadMessage {
  readonly message: OctetRanges
  readonly summary: Buffer
}

/** What cannot be understood is searched in the message itself, where the failure is reported. */
const fold = (frame: FrameToFold, { message, summary }: ReadMessage): NewText['folded'] => {
  try {
    return foldMessage(bytesOfOctets(frame.prefix), message, summary)
  } catch {
    return undefined
  }
}

const readAt = (file: number, position: number, lengthBytes: number): Buffer | undefined => {
  const bytes = Buffer.allocUnsafe(lengthBytes)
  let filled = 0
  while (filled < lengthBytes) {
    const count = fs.readSync(file, bytes, filled, lengthBytes - filled, position + filled)
    if (count === 0) return undefined
    filled += count
  }
  return bytes
}

const readFrame = (file: number, frame: FrameToFold): ReadMessage | 'too-long' | undefined => {
  const first = readAt(file, frame.offset, frameHeaderBytes)
  const header = first && decodeFrameHeader(first)
  if (header === undefined || header.blobId !== frame.blobId) return undefined
  const bodyAt = frame.offset + frameHeaderBytes
  const tail = readAt(file, bodyAt + header.bodyBytes, header.factsBytes + header.summaryBytes)
  if (tail === undefined || checksum([tail]) !== header.tailCrc) return undefined
  const summary = tail.subarray(header.factsBytes)
  if (header.bodyBytes > wholeBytes) return readRanges(file, bodyAt, header, summary)
  const message = readAt(file, bodyAt, header.bodyBytes)
  return message && checksum([message]) === header.bodyCrc ? { message, summary } : undefined
}

/** Headers and texts alone. */
const readRanges = (
  file: number,
  bodyAt: number,
  header: FrameHeader,
  summary: Buffer,
): ReadMessage | 'too-long' | undefined => {
  const ranges = searchableRanges(decodeSummary(summary))
  const octets = ranges.reduce((sum, [start, end]) => sum + Math.min(end, header.bodyBytes) - start, 0)
  if (octets > maxTextLength * 2) return 'too-long'
  const pieces: { readonly start: number; readonly bytes: Buffer }[] = []
  for (const [start, end] of ranges) {
    const bytes = readAt(file, bodyAt + start, Math.min(end, header.bodyBytes) - start)
    if (bytes === undefined) return undefined
    pieces.push({ start, bytes })
  }
  const message: OctetRanges = {
    subarray(start, end) {
      const piece = pieces.findLast((each) => each.start <= start)
      return piece?.bytes.subarray(start - piece.start, end - piece.start) ?? Buffer.alloc(0)
    },
  }
  return { message, summary }
}
