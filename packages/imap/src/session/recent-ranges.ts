import { lowerBound } from '../wire/number-set.ts'

/** More would only be a client that is told of every second message. */
const maxRanges = 100

/** The messages that are \Recent in one session, as ranges of UIDs. RFC 3501 §2.3.2. */
export class RecentRanges {
  /** Pairs first UID, last UID. */
  readonly #pairs: number[] = []

  /** Bounded: neighbours merge, and the oldest is given up. @param first above all that were added before */
  add(first: number, last: number): void {
    const pairs = this.#pairs
    const end = pairs.length - 1
    if (end > 0 && first <= pairs[end]! + 1) pairs[end] = Math.max(pairs[end]!, last)
    else pairs.push(first, last)
    if (pairs.length > 2 * maxRanges) pairs.splice(0, 2)
  }

  has(uid: number): boolean {
    const pairs = this.#pairs
    for (let at = 0; at < pairs.length; at += 2) {
      if (uid >= pairs[at]! && uid <= pairs[at + 1]!) return true
    }
    return false
  }

  /** How many of these messages are \Recent. @param uids ascending */
  count(uids: Uint32Array): number {
    const pairs = this.#pairs
    let count = 0
    for (let at = 0; at < pairs.length; at += 2) {
      count += lowerBound(uids, pairs[at + 1]! + 1) - lowerBound(uids, pairs[at]!)
    }
    return count
  }
}
