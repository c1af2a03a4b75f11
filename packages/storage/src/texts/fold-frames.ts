import { bytesOfOctets, decodeStructure, type OctetRanges, searchableRanges } from '@posthorn/mail'
import type { MakeListing } from '../contract.ts'
import { columnCount, type NewListing } from '../listings/listing-file.ts'
import { isReadableSummary, MessageDigest } from '../messages/message-digest.ts'
import { checksum, decodeFrameHeader, type FrameHeader, frameHeaderBytes } from '../segments/frame.ts'
import { type FoldedTexts, foldMessage, maxTextLength } from './fold-message.ts'
import { SegmentWindow } from './segment-window.ts'
import { TextOctets } from './text-octets.ts'
import type { NewText, NewTexts } from './text-writer.ts'

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

/** Valid until more is made. */
export interface Folded {
  readonly texts: NewTexts
  readonly listings: readonly NewListing[]
}

/** Makes texts and listings of batch after batch, in the same memory. */
export class FrameFolder {
  readonly #window: SegmentWindow
  readonly #makeListing: MakeListing | undefined
  readonly #heads = new TextOctets()
  readonly #bodies = new TextOctets()

  constructor(segmentDirectory: string, makeListing: MakeListing | undefined) {
    this.#window = new SegmentWindow(segmentDirectory)
    this.#makeListing = makeListing
  }

  /** Those that cannot be read now (moved, deleted, damaged) are left out. */
  fold(frames: readonly FrameToFold[]): Folded {
    const texts: NewText[] = []
    const listings: NewListing[] = []
    this.#heads.clear()
    this.#bodies.clear()
    const aheads = aheadsOf(frames)
    try {
      for (const [at, frame] of frames.entries()) {
        const { messageId, blobId, sizeBytes } = frame
        if (!this.#window.open(frame.segment)) continue
        const head = readHead(this.#window, frame, aheads[at] as number)
        if (head === undefined) continue
        if (frame.makes !== 'listing') {
          const text = this.#foldText(frame, head)
          if (text === undefined) continue
          texts.push({ messageId, blobId, sizeBytes, ...text })
        }
        if (frame.makes !== 'text' && this.#makeListing !== undefined)
          listings.push({ messageId, blobId, sizeBytes, columns: list(frame, head, this.#makeListing) })
      }
    } finally {
      this.#window.close()
    }
    return { texts: { texts, heads: this.#heads.written(), bodies: this.#bodies.written() }, listings }
  }

  #foldText(frame: FrameToFold, head: FrameHead): TextLengths | undefined {
    const message = readMessage(this.#window, head)
    if (message === undefined) return undefined
    const heads = this.#heads
    const bodies = this.#bodies
    const [headStart, bodyStart] = [heads.length, bodies.length]
    const folded = message === 'too-long' ? undefined : fold(frame, message, head.summary, { heads, bodies })
    if (folded === undefined) {
      heads.cut(headStart)
      bodies.cut(bodyStart)
      return nothingKept
    }
    const { partBytes } = folded
    return {
      headBytes: heads.length - headStart,
      partBytes,
      bodyBytes: bodies.length - bodyStart - partBytes,
      tooLong: false,
    }
  }
}

type TextLengths = Pick<NewText, 'headBytes' | 'partBytes' | 'bodyBytes' | 'tooLong'>

const nothingKept: TextLengths = { headBytes: 0, partBytes: 0, bodyBytes: 0, tooLong: true }

/** Between frames that are read together. */
const maxGapBytes = 16 * 1024
/** Facts and summary are about so long. */
const tailBytes = 4 * 1024

/** For each frame how far its neighbours reach that are wanted whole, too; 0: of it only a little is read. */
const aheadsOf = (frames: readonly FrameToFold[]): Float64Array => {
  const aheads = new Float64Array(frames.length)
  let end = 0
  for (let at = frames.length - 1; at >= 0; at--) {
    const { makes, segment, offset, sizeBytes } = frames[at] as FrameToFold
    if (makes === 'listing') continue
    const own = offset + frameHeaderBytes + sizeBytes + tailBytes
    const next = frames[at + 1]
    const isNeighbour =
      next !== undefined &&
      next.makes !== 'listing' &&
      next.segment === segment &&
      next.offset > offset &&
      next.offset - own < maxGapBytes
    if (!isNeighbour) end = own
    if (sizeBytes <= wholeBytes) aheads[at] = end - offset
  }
  return aheads
}

/** What cannot be listed is answered from the message itself. */
const list = (
  frame: FrameToFold,
  { summary }: FrameHead,
  makeListing: MakeListing,
): NewListing['columns'] => {
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

interface FrameHead {
  readonly bodyAt: number
  readonly header: FrameHeader
  readonly summary: Buffer
}

/** What cannot be understood is searched in the message itself, where the failure is reported. */
const fold = (
  frame: FrameToFold,
  message: OctetRanges,
  summary: Buffer,
  into: FoldedTexts,
): { readonly partBytes: number } | undefined => {
  try {
    return foldMessage(bytesOfOctets(frame.prefix), message, summary, into)
  } catch {
    return undefined
  }
}

/** The summary is a copy: more is read while it is used. */
const readHead = (window: SegmentWindow, frame: FrameToFold, ahead: number): FrameHead | undefined => {
  const first = window.read(frame.offset, frameHeaderBytes, ahead)
  const header = first && decodeFrameHeader(first)
  if (header === undefined || header.blobId !== frame.blobId) return undefined
  const bodyAt = frame.offset + frameHeaderBytes
  const tail = window.read(bodyAt + header.bodyBytes, header.factsBytes + header.summaryBytes)
  if (tail === undefined || checksum([tail]) !== header.tailCrc) return undefined
  const kept = Buffer.from(tail.subarray(header.factsBytes))
  const summary = isReadableSummary(kept) ? kept : summaryAgain(window, bodyAt, header)
  return summary && { bodyAt, header, summary }
}

/** One of another version is made from the message. */
const summaryAgain = (
  window: SegmentWindow,
  bodyAt: number,
  { bodyBytes, bodyCrc }: FrameHeader,
): Buffer | undefined => {
  const digest = new MessageDigest()
  for (let from = 0; from < bodyBytes; from += wholeBytes) {
    const piece = window.read(bodyAt + from, Math.min(wholeBytes, bodyBytes - from))
    if (piece === undefined) return undefined
    // The header is kept until the end.
    digest.push(Buffer.from(piece))
  }
  const { summary, crc } = digest.finish()
  return crc === bodyCrc ? summary : undefined
}

const readMessage = (window: SegmentWindow, head: FrameHead): OctetRanges | 'too-long' | undefined => {
  const { bodyAt, header } = head
  if (header.bodyBytes > wholeBytes) return readRanges(window, head)
  const message = window.read(bodyAt, header.bodyBytes)
  return message && checksum([message]) === header.bodyCrc ? message : undefined
}

/** Headers and texts alone. */
const readRanges = (
  window: SegmentWindow,
  { bodyAt, header, summary }: FrameHead,
): OctetRanges | 'too-long' | undefined => {
  const ranges = searchableRanges(decodeStructure(summary))
  const octets = ranges.reduce((sum, [start, end]) => sum + Math.min(end, header.bodyBytes) - start, 0)
  if (octets > maxTextLength * 2) return 'too-long'
  const pieces: { readonly start: number; readonly bytes: Buffer }[] = []
  for (const [start, end] of ranges) {
    const bytes = window.read(bodyAt + start, Math.min(end, header.bodyBytes) - start)
    if (bytes === undefined) return undefined
    pieces.push({ start, bytes: Buffer.from(bytes) })
  }
  return {
    subarray(start, end) {
      const piece = pieces.findLast((each) => each.start <= start)
      return piece?.bytes.subarray(start - piece.start, end - piece.start) ?? Buffer.alloc(0)
    },
  }
}
