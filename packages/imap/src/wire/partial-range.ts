/** `1:500`, `-1:-100`: a window on results. RFC 9394 §4. */
import type { Parser } from './parser.ts'

export interface PartialRange {
  readonly from: 'first' | 'last'
  /** From 1, as given, not in order. */
  readonly bounds: readonly [number, number]
}

export function partialRange(p: Parser): PartialRange {
  const from = p.peek('-') ? 'last' : 'first'
  const bound = (): number => {
    if (from === 'last') p.expect('-')
    return p.nzNumber()
  }
  const first = bound()
  p.expect(':')
  return { from, bounds: [first, bound()] }
}

/** As the client spelt it. */
export function partialText({ from, bounds }: PartialRange): string {
  const sign = from === 'last' ? '-' : ''
  return `${sign}${bounds[0]}:${sign}${bounds[1]}`
}

/** Those of `numbers` that lie in the window, in their order. */
export function sliceOf<T extends Uint32Array | Uint8Array>(numbers: T, { from, bounds }: PartialRange): T {
  const low = Math.min(...bounds)
  const high = Math.max(...bounds)
  if (from === 'first') return numbers.subarray(low - 1, high) as T
  return numbers.subarray(Math.max(0, numbers.length - high), Math.max(0, numbers.length - low + 1)) as T
}
