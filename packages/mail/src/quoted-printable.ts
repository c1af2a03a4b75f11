import { asBuffer } from './octets.ts'
import { createQuotedPrintableDecoder } from './quoted-printable-decoder.ts'

const lf = 0x0a
const cr = 0x0d
const equals = 0x3d

const noDigit = 255
const hexValues = new Uint8Array(256).fill(noDigit)
for (const [value, digits] of [...'0123456789ABCDEF'].entries()) {
  hexValues[digits.charCodeAt(0)] = value
  hexValues[digits.toLowerCase().charCodeAt(0)] = value
}

/**
 * All at once, RFC 2045 §6.7: native search goes from one `=` to the next. What is unusual is left to the decoder that
 * knows everything.
 */
export const decodeQuotedPrintable = (bytes: Uint8Array): Uint8Array => {
  const source = asBuffer(bytes)
  if (hasTrailingBlanks(source)) return decodeUnusual(bytes)
  const first = source.indexOf(equals)
  if (first < 0) return bytes
  const out = Buffer.allocUnsafe(bytes.length)
  const length = decodeUsual(source, first, out)
  return length < 0 ? decodeUnusual(bytes) : out.subarray(0, length)
}

const decodeUnusual = (bytes: Uint8Array): Uint8Array => {
  const decoder = createQuotedPrintableDecoder()
  return Buffer.concat([decoder.push(bytes), decoder.finish()])
}

const isBlank = (code: number | undefined): boolean => code === 0x20 || code === 0x09

/** Before a line's end, or at the end, where a carriage return is not plain either. */
const hasTrailingBlanks = (bytes: Buffer): boolean => {
  for (let at = bytes.indexOf(lf); at >= 0; at = bytes.indexOf(lf, at + 1)) {
    if (isBlank(bytes[bytes[at - 1] === cr ? at - 2 : at - 1])) return true
  }
  const last = bytes[bytes.length - 1]
  return isBlank(last) || last === cr
}

/** Octets written; -1: there is a broken `=`. */
const decodeUsual = (bytes: Buffer, first: number, out: Buffer): number => {
  let length = 0
  let from = 0
  for (let at = first; at >= 0; at = bytes.indexOf(equals, from)) {
    length += bytes.copy(out, length, from, at)
    const next = bytes[at + 1]
    if (next === cr && bytes[at + 2] === lf) from = at + 3
    else if (next === lf) from = at + 2
    else {
      const high = hexValues[next ?? 0] as number
      const low = hexValues[bytes[at + 2] ?? 0] as number
      if (high === noDigit || low === noDigit) return -1
      out[length++] = (high << 4) | low
      from = at + 3
    }
  }
  return length + bytes.copy(out, length, from)
}
