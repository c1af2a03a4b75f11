import { createCharsetDecoder, decodeCharset } from './charset.ts'
import { asBuffer } from './octets.ts'
import { parameterText } from './parameters.ts'
import { mayBeOdd, searchedField } from './searched-field.ts'
import type { Part, SinglePart } from './structure.ts'
import type { MessageSummary } from './summary.ts'
import { createTransferDecoder, decodeTransfer } from './transfer-encoding.ts'

export interface DecodedText {
  /** 'header': the message's own header and the MIME headers of its parts. */
  readonly place: 'header' | 'body'
  readonly text: string
  /** The next piece goes on where this one ends. */
  readonly more: boolean
}

/** A message's octets [start, end): `subarray` of the whole, or of what was read of a large one. */
export interface OctetRanges {
  subarray(start: number, end: number): Uint8Array
}

/** Octets that one piece of text is made of, so that nobody has to wait for a whole large part. */
const pieceBytes = 256 * 1024

/**
 * Decoded text for searching: the header (RFC 2047 words decoded, unfolded), the headers of the parts, and
 * every text part without its transfer encoding and charset, large ones in pieces. Headers of messages
 * within count as body. Attachments that are not text are left out. RFC 9051 §6.4.4 BODY, TEXT.
 * `message` is without trace prefix; only `searchableRanges` of it are looked at.
 */
export function* decodedTexts(
  message: OctetRanges,
  summary: Pick<MessageSummary, 'headerBytes' | 'structure'>,
): Generator<DecodedText> {
  yield* headerTexts('header', message.subarray(0, summary.headerBytes))
  const open: { readonly part: Part; readonly place: DecodedText['place'] }[] = [
    { part: summary.structure, place: 'header' },
  ]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { part, place } = next
    if (part !== summary.structure && part.bodyStart > part.headerStart) {
      yield* headerTexts(place, message.subarray(part.headerStart, part.bodyStart))
    }
    if (part.kind === 'text') yield* partTexts(message, part)
    else if (part.kind === 'message') open.push({ part: part.content, place: 'body' })
    else if (part.kind === 'multipart') {
      for (const child of part.children.toReversed()) open.push({ part: child, place: 'header' })
    }
  }
}

/** Neighbours with less than this between them are one range. */
const maxGapBytes = 16 * 1024

/** What `decodedTexts` looks at, ascending: in a message with large attachments a small part of it. */
export const searchableRanges = (
  summary: Pick<MessageSummary, 'headerBytes' | 'structure'>,
): readonly (readonly [start: number, end: number])[] => {
  const ranges: [number, number][] = [[0, summary.headerBytes]]
  const add = (start: number, end: number): void => {
    const last = ranges.at(-1) as [number, number]
    if (start - last[1] <= maxGapBytes) last[1] = Math.max(last[1], end)
    else ranges.push([start, end])
  }
  const open: Part[] = [summary.structure]
  for (let part = open.pop(); part !== undefined; part = open.pop()) {
    add(part.headerStart, part.kind === 'text' ? part.bodyEnd : part.bodyStart)
    if (part.kind === 'message') open.push(part.content)
    else if (part.kind === 'multipart') open.push(...part.children.toReversed())
  }
  return ranges
}

function* headerTexts(place: DecodedText['place'], header: Uint8Array): Generator<DecodedText> {
  for (let start = 0; start < header.length; ) {
    const end = fieldEndAfter(header, start + pieceBytes)
    yield { place, text: decodeHeaderBlock(header.subarray(start, end)), more: false }
    start = end
  }
}

const lineFeed = 0x0a

/** Where a line ends that no folded line follows; anywhere when that is far away. */
const fieldEndAfter = (header: Uint8Array, from: number): number => {
  const limit = Math.min(header.length, from + pieceBytes)
  if (limit < from || limit === header.length) return header.length
  for (let i = header.indexOf(lineFeed, from); i >= 0 && i < limit; i = header.indexOf(lineFeed, i + 1)) {
    const next = header[i + 1]
    if (next !== 0x20 && next !== 0x09) return i + 1
  }
  return limit
}

function* partTexts(message: OctetRanges, part: SinglePart): Generator<DecodedText> {
  if (part.bodyEnd - part.bodyStart <= pieceBytes) {
    yield { place: 'body', text: decodeTextPart(message, part), more: false }
    return
  }
  const octets = createTransferDecoder(part.encoding)
  const characters = createCharsetDecoder(parameterText(part.parameters, 'charset') ?? '')
  for (let at = part.bodyStart; at < part.bodyEnd; at += pieceBytes) {
    const chunk = message.subarray(at, Math.min(part.bodyEnd, at + pieceBytes))
    yield { place: 'body', text: characters.push(octets.push(chunk)), more: true }
  }
  const last = characters.push(octets.finish()) + characters.finish()
  yield { place: 'body', text: last, more: false }
}

/** A header block as text: one line a field, without carriage returns. */
export const decodeHeaderBlock = (header: Uint8Array): string => {
  const block = asBuffer(header).toString('latin1').replaceAll('\r', '')
  const unfolded = block.replace(/\n(?=[ \t])/g, '')
  if (!unfolded.includes('=?') && /^[\0-\x7f]*$/.test(unfolded) && !mayBeOdd(unfolded)) return unfolded
  return unfolded.split('\n').map(decodeLine).join('\n')
}

const decodeLine = (line: string): string => {
  const colon = line.indexOf(':') + 1
  const name = line
    .slice(0, Math.max(0, colon - 1))
    .trimEnd()
    .toLowerCase()
  return line.slice(0, colon) + searchedField(name, line.slice(colon))
}

/** RFC 2045 §6, RFC 2046 §4.1. */
export const decodeTextPart = (message: OctetRanges, part: SinglePart): string => {
  const octets = decodeTransfer(message.subarray(part.bodyStart, part.bodyEnd), part.encoding)
  return decodeCharset(octets, parameterText(part.parameters, 'charset') ?? '')
}
