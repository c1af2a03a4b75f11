/** Octets written into memory that is large enough. Each of these returns where what it wrote ends. */

/** Loops beat calls into Node below about this many octets. */
const shortBytes = 40

/** Octets [start, end) of `source`. */
export function copyOctets(source: Buffer, start: number, end: number, out: Buffer, to: number): number {
  if (end - start > shortBytes) {
    source.copy(out, to, start, end)
    return to + end - start
  }
  for (let at = start; at < end; at++) out[to++] = source[at]!
  return to
}

/** Digits of a whole number from 0 to 2^31-1. */
export function writeNumber(out: Buffer, from: number, value: number): number {
  let count = 1
  for (let bound = 10; count < 10 && value >= bound; bound *= 10) count++
  const end = from + count
  let rest = value
  for (let at = end - 1; at >= from; at--) {
    const next = (rest / 10) | 0
    out[at] = 0x30 + rest - next * 10
    rest = next
  }
  return end
}

/** Digits of a whole number from 0 to 2^53-1. */
export function writeLargeNumber(out: Buffer, to: number, value: number): number {
  return value <= 0x7fff_ffff ? writeNumber(out, to, value | 0) : writeText(out, to, String(value))
}

/** Characters up to U+00FF, one octet each. */
export function writeText(out: Buffer, to: number, text: string): number {
  for (let at = 0; at < text.length; at++) out[to + at] = text.charCodeAt(at)
  return to + text.length
}
