import { isAscii } from 'node:buffer'
import { foldCase } from './case-fold.ts'
import { type CharsetKind, charsetKind, decodeCharset } from './charset.ts'
import { asBuffer } from './octets.ts'

/**
 * Octets in a charset → case folded text, the same as `foldCase(decodeCharset(…))`. Lines of ASCII before and behind
 * those that need a decoder, usually all lines, are folded as octets are.
 */
export const foldOctets = (bytes: Uint8Array, charset: string): string => {
  const { start, end } = foreignRange(asBuffer(bytes), charsetKind(charset))
  if (start >= end) return foldAscii(bytes, 0, bytes.length)
  const foreign = foldCase(decodeCharset(bytes.subarray(start, end), charset))
  return foldAscii(bytes, 0, start) + foreign + foldAscii(bytes, end, bytes.length)
}

const foldAscii = (bytes: Uint8Array, start: number, end: number): string =>
  start < end ? asBuffer(bytes).toString('latin1', start, end).toUpperCase() : ''

interface Range {
  readonly start: number
  readonly end: number
}

/** What lies outside is ASCII in this charset, whatever lies within. */
const foreignRange = (bytes: Buffer, kind: CharsetKind): Range => {
  if (kind === 'other') return { start: 0, end: bytes.length }
  if (kind === 'shifted') return shiftedRange(bytes)
  const first = firstForeign(bytes)
  if (first === bytes.length) return { start: first, end: first }
  // The line end before belongs to it: a byte order mark behind it is no mark.
  const start = Math.max(0, bytes.lastIndexOf(lineFeed, first))
  // Where a character of two octets is cut short by a line end, the decoder sees both.
  const end = bytes.indexOf(lineFeed, lastForeign(bytes)) + 1
  return { start, end: end === 0 ? bytes.length : end }
}

const lineFeed = 0x0a
const escapeOctet = 0x1b
const shiftBytes = 3

/** ISO-2022-JP: ASCII again behind the last shift, if that is one to ASCII (`ESC ( B`). */
const shiftedRange = (bytes: Buffer): Range => {
  const last = bytes.lastIndexOf(escapeOctet)
  const end = last < 0 ? 0 : last + shiftBytes
  const isPlain = last < 0 || (bytes[last + 1] === 0x28 && bytes[last + 2] === 0x42)
  const rest = bytes.subarray(end)
  // Shift out and shift in are errors there.
  return isPlain && isAscii(rest) && !rest.includes(0x0e) && !rest.includes(0x0f)
    ? { start: 0, end }
    : { start: 0, end: bytes.length }
}

const blockBytes = 1024
/** Below this, looking is quicker than asking. */
const fewBytes = 128

const firstForeign = (bytes: Buffer): number => {
  for (let from = 0; from < bytes.length; from += blockBytes) {
    const block = bytes.subarray(from, from + blockBytes)
    if (!isAscii(block)) return from + narrowed(block, 'first')
  }
  return bytes.length
}

/** There is one. */
const lastForeign = (bytes: Buffer): number => {
  let to = bytes.length
  for (; to > blockBytes; to -= blockBytes) {
    const block = bytes.subarray(to - blockBytes, to)
    if (!isAscii(block)) return to - blockBytes + narrowed(block, 'last')
  }
  return narrowed(bytes.subarray(0, to), 'last')
}

/** Where the first, or the last, octet of a block lies that is not ASCII; there is one. */
const narrowed = (block: Buffer, which: 'first' | 'last'): number => {
  let from = 0
  let to = block.length
  while (to - from > fewBytes) {
    const middle = (from + to) >> 1
    const half = which === 'first' ? block.subarray(from, middle) : block.subarray(middle, to)
    if (isAscii(half) === (which === 'first')) from = middle
    else to = middle
  }
  if (which === 'first') while ((block[from] as number) < 0x80) from++
  else while ((block[to - 1] as number) < 0x80) to--
  return which === 'first' ? from : to - 1
}
