import { SyntaxFault } from './syntax-fault.ts'

/** `*`: the largest number in use. Larger than any 32-bit number. */
const star = 0x1_0000_0000

/**
 * Half-open index ranges [from, to) into an ascending list: even places `from`, odd places `to`; ascending,
 * disjoint.
 */
export type IndexRanges = readonly number[]

/**
 * A sequence-set (RFC 9051 §9) or uid-set, as it was written: bounds stay bounds, so that 1:4294967295
 * costs what 1:2 costs.
 */
export class NumberSet {
  /** Pairs low, high; `star` for `*`. Sorted and merged only when resolved. */
  readonly #bounds: readonly number[]
  /** `$`: the result of the last SEARCH (RFC 5182 §2.1). */
  readonly saved: boolean

  private constructor(bounds: readonly number[], saved: boolean) {
    this.#bounds = bounds
    this.saved = saved
  }

  static of(...ranges: readonly (readonly [number, number])[]): NumberSet {
    return new NumberSet(ranges.flat(), false)
  }

  /** @param text digits, `*`, `:`, `,` and `$` only */
  static parse(text: string, fault: () => SyntaxFault): NumberSet {
    if (text === '$') return new NumberSet([], true)
    const bounds: number[] = []
    let at = 0
    const number = (): number => {
      if (text[at] === '*') {
        at++
        return star
      }
      const from = at
      let value = 0
      while (at < text.length && at - from < 11) {
        const digit = text.charCodeAt(at) - 0x30
        if (digit < 0 || digit > 9) break
        value = value * 10 + digit
        at++
      }
      if (at === from || text[from] === '0' || value > 0xffff_ffff) throw fault()
      return value
    }
    for (;;) {
      const first = number()
      let last = first
      if (text[at] === ':') {
        at++
        last = number()
      }
      bounds.push(Math.min(first, last), Math.max(first, last))
      if (at === text.length) return new NumberSet(bounds, false)
      if (text[at] !== ',') throw fault()
      at++
    }
  }

  /** `*` is among the bounds: where RFC 7162 §3.2.5.2 allows none. */
  get hasStar(): boolean {
    return this.#bounds.includes(star)
  }

  /** Sequence numbers of a mailbox with `count` messages; one beyond it is a fault (RFC 9051 §9 seq-number). */
  sequenceIndexes(count: number): IndexRanges {
    for (let at = 0; at < this.#bounds.length; at++) {
      const bound = this.#bounds[at]!
      if (bound === star ? count === 0 : bound > count) {
        throw new SyntaxFault('Message sequence number is larger than the number of messages')
      }
    }
    return this.#merged((bound) => (bound === star ? count : bound)).map((bound, at) =>
      at % 2 === 0 ? bound - 1 : bound,
    )
  }

  /** As `sequenceIndexes`, but what lies beyond the mailbox is left out (SEARCH). */
  sequenceIndexesWithin(count: number): IndexRanges {
    if (count === 0) return []
    const ranges = this.#merged((bound) => (bound === star ? count : bound))
    const indexes: number[] = []
    for (let at = 0; at < ranges.length; at += 2) {
      if (ranges[at]! > count) break
      indexes.push(ranges[at]! - 1, Math.min(ranges[at + 1]!, count))
    }
    return indexes
  }

  /** @param uids ascending; missing UIDs are left out, `*` is the last one (RFC 9051 §6.4.9) */
  uidIndexes(uids: Uint32Array, last = uids[uids.length - 1]): IndexRanges {
    if (uids.length === 0 || last === undefined) return []
    const ranges = this.#merged((bound) => (bound === star ? last : bound))
    const indexes: number[] = []
    for (let at = 0; at < ranges.length; at += 2) {
      const from = lowerBound(uids, ranges[at]!)
      const to = lowerBound(uids, ranges[at + 1]! + 1)
      if (from < to) indexes.push(from, to)
    }
    return indexes
  }

  /** The given UIDs that the set names. @param uids ascending @param last what `*` is */
  restrict(uids: Uint32Array, last: number): Uint32Array {
    return pick(uids, this.uidIndexes(uids, last))
  }

  /** UID bounds [from, to], inclusive, sorted and disjoint; `*` is `last`. For SEARCH and QRESYNC. */
  ranges(last: number): (readonly [number, number])[] {
    const merged = this.#merged((bound) => (bound === star ? last : bound))
    const pairs: (readonly [number, number])[] = []
    for (let at = 0; at < merged.length; at += 2) pairs.push([merged[at]!, merged[at + 1]!])
    return pairs
  }

  #merged(place: (bound: number) => number): number[] {
    const pairs: [number, number][] = []
    for (let at = 0; at < this.#bounds.length; at += 2) {
      const first = place(this.#bounds[at]!)
      const last = place(this.#bounds[at + 1]!)
      pairs.push(first <= last ? [first, last] : [last, first])
    }
    if (pairs.length > 1) pairs.sort((a, b) => a[0] - b[0])
    const merged: number[] = []
    for (const [first, last] of pairs) {
      const end = merged.length - 1
      if (end > 0 && first <= merged[end]! + 1) merged[end] = Math.max(merged[end]!, last)
      else merged.push(first, last)
    }
    return merged
  }
}

/** First index whose value is not below `value`. */
export function lowerBound(ascending: Uint32Array, value: number): number {
  let from = 0
  let to = ascending.length
  while (from < to) {
    const middle = (from + to) >>> 1
    if (ascending[middle]! < value) from = middle + 1
    else to = middle
  }
  return from
}

/** The numbers at these indexes; no copy when they are one run. */
export function pick(ascending: Uint32Array, ranges: IndexRanges): Uint32Array {
  if (ranges.length === 0) return new Uint32Array(0)
  if (ranges.length === 2) return ascending.subarray(ranges[0], ranges[1])
  let count = 0
  for (let at = 0; at < ranges.length; at += 2) count += ranges[at + 1]! - ranges[at]!
  const picked = new Uint32Array(count)
  let to = 0
  for (let at = 0; at < ranges.length; at += 2) {
    const run = ascending.subarray(ranges[at], ranges[at + 1])
    picked.set(run, to)
    to += run.length
  }
  return picked
}

/** `1:3,5`: runs of consecutive numbers, as uid-set and sequence-set write them. */
export function formatNumbers(ascending: Uint32Array): string {
  const runs: string[] = []
  let first = 0
  for (let at = 1; at <= ascending.length; at++) {
    if (at < ascending.length && ascending[at]! === ascending[at - 1]! + 1) continue
    const from = ascending[first]!
    const to = ascending[at - 1]!
    runs.push(from === to ? `${from}` : `${from}:${to}`)
    first = at
  }
  return runs.join(',')
}
