/** `1:500`, `-1:-100`: a window on results. RFC 9394 §4. */
import type { Parser } from './parser.ts'

export interface PartialRange {
  readonly from: 'first' | 'last'
  /** From 1. */
  readonly low: number
  readonly high: number
  /** What the answer names: the range that was asked for, `500:400` as `400:500`, which is the same (RFC 9394 §4). */
  readonly text: string
}

export function partialRange(p: Parser): PartialRange {
  const from = p.peek('-') ? 'last' : 'first'
  const bound = (): number => {
    if (from === 'last') p.expect('-')
    return p.nzNumber()
  }
  const first = bound()
  p.expect(':')
  const second = bound()
  const sign = from === 'last' ? '-' : ''
  const low = Math.min(first, second)
  const high = Math.max(first, second)
  return { from, low, high, text: `${sign}${low}:${sign}${high}` }
}

/** Those of `numbers` that lie in the window, in their order. */
export function sliceOf<T extends Uint32Array | Uint8Array>(
  numbers: T,
  { from, low, high }: PartialRange,
): T {
  if (from === 'first') return numbers.subarray(low - 1, high) as T
  return numbers.subarray(Math.max(0, numbers.length - high), Math.max(0, numbers.length - low + 1)) as T
}
