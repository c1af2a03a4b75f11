import { isAscii } from 'node:buffer'
import { foldCase } from './case-fold.ts'
import { createCharsetDecoder, decodeCharset } from './charset.ts'
import { foldOctets } from './folded-octets.ts'
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
  /** Case folded already. */
  readonly isFolded: boolean
}

/** How octets become text. */
interface Reading {
  readonly isFolded: boolean
  header(block: Uint8Array): string
  part(message: OctetRanges, part: SinglePart): string
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
 * within count as body, and so do reports (message/delivery-status). Attachments that are not text are left
 * out. RFC 9051 §6.4.4 BODY, TEXT.
 * `message` is without trace prefix; only `searchableRanges` of it are looked at.
 */
export const decodedTexts = (message: OctetRanges, summary: SearchedSummary): Generator<DecodedText> =>
  textsOf(message, summary, asWritten)

/** The same, case folded (RFC 5051) but for the pieces of large parts, which `foldCase` has to see together. */
export const foldedTexts = (message: OctetRanges, summary: SearchedSummary): Generator<DecodedText> =>
  textsOf(message, summary, folding)

/** Of a summary what decoding needs: see `decodeStructure`. */
export type SearchedSummary = Pick<MessageSummary, 'headerBytes' | 'structure'>

function* textsOf(message: OctetRanges, summary: SearchedSummary, reading: Reading): Generator<DecodedText> {
  yield* headerTexts('header', message.subarray(0, summary.headerBytes), reading)
  const open: { readonly part: Part; readonly place: DecodedText['place'] }[] = [
    { part: summary.structure, place: 'header' },
  ]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { part, place } = next
    if (part !== summary.structure && part.bodyStart > part.headerStart) {
      yield* headerTexts(place, message.subarray(part.headerStart, part.bodyStart), reading)
    }
    if (hasText(part)) yield* partTexts(message, part, reading)
    else if (part.kind === 'message') open.push({ part: part.content, place: 'body' })
    else if (part.kind === 'multipart') {
      for (const child of part.children.toReversed()) open.push({ part: child, place: 'header' })
    }
  }
}

/** Text, or what is made of header fields for machines and people: RFC 3464, RFC 8098, RFC 2046 §5.2.3. */
const hasText = (part: Part): part is SinglePart =>
  part.kind === 'text' || (part.kind === 'other' && part.type === 'message')

/** Neighbours with less than this between them are one range. */
const maxGapBytes = 16 * 1024

/** What `decodedTexts` looks at, ascending: in a message with large attachments a small part of it. */
export const searchableRanges = (
  summary: SearchedSummary,
): readonly (readonly [start: number, end: number])[] => {
  const ranges: [number, number][] = [[0, summary.headerBytes]]
  const add = (start: number, end: number): void => {
    const last = ranges.at(-1) as [number, number]
    if (start - last[1] <= maxGapBytes) last[1] = Math.max(last[1], end)
    else ranges.push([start, end])
  }
  const open: Part[] = [summary.structure]
  for (let part = open.pop(); part !== undefined; part = open.pop()) {
    add(part.headerStart, hasText(part) ? part.bodyEnd : part.bodyStart)
    if (part.kind === 'message') open.push(part.content)
    else if (part.kind === 'multipart') open.push(...part.children.toReversed())
  }
  return ranges
}

function* headerTexts(
  place: DecodedText['place'],
  header: Uint8Array,
  reading: Reading,
): Generator<DecodedText> {
  const { isFolded } = reading
  for (let start = 0; start < header.length; ) {
    const end = fieldEndAfter(header, start + pieceBytes)
    yield { place, text: reading.header(header.subarray(start, end)), more: false, isFolded }
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

function* partTexts(message: OctetRanges, part: SinglePart, reading: Reading): Generator<DecodedText> {
  if (part.bodyEnd - part.bodyStart <= pieceBytes) {
    yield { place: 'body', text: reading.part(message, part), more: false, isFolded: reading.isFolded }
    return
  }
  const octets = createTransferDecoder(part.encoding)
  const characters = createCharsetDecoder(charsetOf(part))
  for (let at = part.bodyStart; at < part.bodyEnd; at += pieceBytes) {
    const chunk = message.subarray(at, Math.min(part.bodyEnd, at + pieceBytes))
    yield { place: 'body', text: characters.push(octets.push(chunk)), more: true, isFolded: false }
  }
  const last = characters.push(octets.finish()) + characters.finish()
  yield { place: 'body', text: last, more: false, isFolded: false }
}

/** A header block as text: one line a field, without carriage returns. */
export const decodeHeaderBlock = (header: Uint8Array): string => {
  const block = asBuffer(header).toString('latin1').replaceAll('\r', '')
  const unfolded = block.replace(/\n(?=[ \t])/g, '')
  if (isAscii(header) && isPlain(unfolded)) return unfolded
  const lines = unfolded.split('\n')
  return lines.map((line) => (isPlain(line) && !/[^\0-\x7f]/.test(line) ? line : decodeLine(line))).join('\n')
}

/** If it is ASCII. */
const isPlain = (text: string): boolean => !text.includes('=?') && !mayBeOdd(text)

const decodeLine = (line: string): string => {
  const colon = line.indexOf(':') + 1
  const name = line
    .slice(0, Math.max(0, colon - 1))
    .trimEnd()
    .toLowerCase()
  return line.slice(0, colon) + searchedField(name, line.slice(colon))
}

/** RFC 2045 §6, RFC 2046 §4.1. */
export const decodeTextPart = (message: OctetRanges, part: SinglePart): string =>
  decodeCharset(partOctets(message, part), charsetOf(part))

const partOctets = (message: OctetRanges, part: SinglePart): Uint8Array =>
  decodeTransfer(message.subarray(part.bodyStart, part.bodyEnd), part.encoding)

const charsetOf = ({ parameters }: SinglePart): string => parameterText(parameters, 'charset') ?? ''

const asWritten: Reading = { isFolded: false, header: decodeHeaderBlock, part: decodeTextPart }

const folding: Reading = {
  isFolded: true,
  header: (block) => foldCase(decodeHeaderBlock(block)),
  part: (message, part) => foldOctets(partOctets(message, part), charsetOf(part)),
}
