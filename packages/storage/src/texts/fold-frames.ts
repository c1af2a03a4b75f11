import * as fs from 'node:fs'
import { bytesOfOctets, decodeSummary, type OctetRanges, searchableRanges } from '@posthorn/mail'
import type { MakeListing } from '../contract.ts'
import { columnCount, type NewListing } from '../listings/listing-file.ts'
import { checksum, decodeFrameHeader, type FrameHeader, frameHeaderBytes } from '../segments/frame.ts'
import { segmentPath } from '../segments/segment-path.ts'
import { foldMessage, maxTextLength } from './fold-message.ts'
import type { NewText } from './text-writer.ts'

/** One message of which something is to be made, and where its frame was. */
export interface FrameToFold {
  readonly makes: 'both' | 'text' | 'listing'
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

/** More of one column is not kept: few messages have it, and who asks for it waits for more than for us. */
const maxColumnBytes = 16 * 1024
const noColumns = [new Uint8Array(0), new Uint8Array(0)] as const

export interface Folded {
  readonly texts: readonly NewText[]
  readonly listings: readonly NewListing[]
}

/** Those that cannot be read now (moved, deleted, damaged) are left out. */
export const foldFrames = (
  segmentDirectory: string,
  frames: readonly FrameToFold[],
  makeListing: MakeListing | undefined,
): Folded => {
  const texts: NewText[] = []
  const listings: NewListing[] = []
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
      const frameHead = readHead(open.file, frame)
      if (frameHead === undefined) continue
      if (frame.makes !== 'listing') {
        const message = readMessage(open.file, frameHead)
        if (message === undefined) continue
        const folded = message === 'too-long' ? undefined : fold(frame, message, frameHead.summary)
        texts.push({ messageId, blobId, sizeBytes, folded })
      }
      if (frame.makes !== 'text' && makeListing !== undefined)
        listings.push({ messageId, blobId, sizeBytes, columns: list(frame, frameHead.summary, makeListing) })
    }
  } finally {
    if (open !== undefined) fs.closeSync(open.file)
  }
  return { texts, listings }
}

/** What cannot be listed is answered from the message itself. */
const list = (frame: FrameToFold, summary: Buffer, makeListing: MakeListing): NewListing['columns'] => {
  try {
    const made = makeListing(summary, bytesOfOctets(frame.prefix), frame.sizeBytes)
    const [first, second] = made.map((each) => (each.length > maxColumnBytes ? noColumns[0] : each))
    return made.length === columnCount && first !== undefined && second !== undefined
      ? [first, second]
      : noColumns
  } catch {
    return noColumns
  }
}

const openSegment = (directory: string, segment: number): number | undefined => {
  try {
    return fs.openSync(segmentPath(directory, segment), 'r')
  } catch {
    return undefined
  }
}

interface FrameHead {
  readonly bodyAt: number
  readonly header: FrameHeader
  readonly summary: Buffer
}

/** What cannot be understood is searched in the message itself, where the failure is reported. */
const fold = (frame: FrameToFold, message: OctetRanges, summary: Buffer): NewText['folded'] => {
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

const readHead = (file: number, frame: FrameToFold): FrameHead | undefined => {
  const first = readAt(file, frame.offset, frameHeaderBytes)
  const header = first && decodeFrameHeader(first)
  if (header === undefined || header.blobId !== frame.blobId) return undefined
  const bodyAt = frame.offset + frameHeaderBytes
  const tail = readAt(file, bodyAt + header.bodyBytes, header.factsBytes + header.summaryBytes)
  if (tail === undefined || checksum([tail]) !== header.tailCrc) return undefined
  return { bodyAt, header, summary: tail.subarray(header.factsBytes) }
}

const readMessage = (file: number, head: FrameHead): OctetRanges | 'too-long' | undefined => {
  const { bodyAt, header } = head
  if (header.bodyBytes > wholeBytes) return readRanges(file, head)
  const message = readAt(file, bodyAt, header.bodyBytes)
  return message && checksum([message]) === header.bodyCrc ? message : undefined
}

/** Headers and texts alone. */
const readRanges = (
  file: number,
  { bodyAt, header, summary }: FrameHead,
): OctetRanges | 'too-long' | undefined => {
  const ranges = searchableRanges(decodeSummary(summary))
  const octets = ranges.reduce((sum, [start, end]) => sum + Math.min(end, header.bodyBytes) - start, 0)
  if (octets > maxTextLength * 2) return 'too-long'
  const pieces: { readonly start: number; readonly bytes: Buffer }[] = []
  for (const [start, end] of ranges) {
    const bytes = readAt(file, bodyAt + start, Math.min(end, header.bodyBytes) - start)
    if (bytes === undefined) return undefined
    pieces.push({ start, bytes })
  }
  return {
    subarray(start, end) {
      const piece = pieces.findLast((each) => each.start <= start)
      return piece?.bytes.subarray(start - piece.start, end - piece.start) ?? Buffer.alloc(0)
    },
  }
}
