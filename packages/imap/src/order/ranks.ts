/** Sorting in steps that let other sessions work, and by ranks so that the second SORT costs next to nothing. */
import type { Turn } from '../session/turn.ts'
import { pick } from './pick.ts'

/** Rows sorted at one go; a comparison of long subjects takes a while. */
const runRows = 512

/**
 * The place of each row's value among all values, from 0; equal values have the same. Numbers or strings,
 * all of one kind.
 */
export async function ranksOf(values: ArrayLike<number | string>, turn: Turn): Promise<Uint32Array> {
  const order = await sortedRows(values, turn)
  const ranks = new Uint32Array(values.length)
  let rank = 0
  for (let at = 1; at < order.length; at++) {
    if (values[order[at]!] !== values[order[at - 1]!]) rank++
    ranks[order[at]!] = rank
    if ((at & 1023) === 0) await turn.pass()
  }
  return ranks
}

/** Rows by their values, equal ones as they stand. */
export async function sortedRows(values: ArrayLike<number | string>, turn: Turn): Promise<Uint32Array> {
  const { length } = values
  let rows = new Uint32Array(length)
  for (let row = 0; row < length; row++) rows[row] = row
  const compare = (a: number, b: number): number => {
    const [first, second] = [values[a]!, values[b]!]
    return first < second ? -1 : first > second ? 1 : a - b
  }
  for (let from = 0; from < length; from += runRows) {
    rows.subarray(from, from + runRows).sort(compare)
    await turn.pass()
  }
  let spare = new Uint32Array(length)
  for (let width = runRows; width < length; width *= 2) {
    for (let from = 0; from < length; from += 2 * width) {
      await merge(rows, spare, [from, Math.min(from + width, length), Math.min(from + 2 * width, length)], {
        values,
        turn,
      })
    }
    ;[rows, spare] = [spare, rows]
  }
  return rows
}

/** Two sorted runs [from, middle) and [middle, to) into `target`. Stable. */
async function merge(
  source: Uint32Array,
  target: Uint32Array,
  [from, middle, to]: readonly [number, number, number],
  { values, turn }: { readonly values: ArrayLike<number | string>; readonly turn: Turn },
): Promise<void> {
  let left = from
  let right = middle
  for (let at = from; at < to; at++) {
    if (right >= to || (left < middle && values[source[left]!]! <= values[source[right]!]!))
      target[at] = source[left++]!
    else target[at] = source[right++]!
    if ((at & 1023) === 0) await turn.pass()
  }
}

/** One criterion of a SORT: ranks by row. */
export interface RankedKey {
  readonly ranks: Uint32Array
  readonly reverse: boolean
}

/**
 * `rows` in the order of the keys, the first counting most, equal ones as they stood (RFC 5256 §3: by sequence
 * number, whatever is REVERSE). Counting sort, key by key: linear.
 */
export async function orderRows(
  rows: Uint32Array,
  keys: readonly RankedKey[],
  turn: Turn,
): Promise<Uint32Array> {
  let ordered = rows
  for (let key = keys.length - 1; key >= 0; key--) {
    ordered = await byRank(ordered, keys[key]!, turn)
  }
  return ordered
}

async function byRank(rows: Uint32Array, { ranks, reverse }: RankedKey, turn: Turn): Promise<Uint32Array> {
  const mine = await pick(ranks, rows, new Uint32Array(rows.length), turn)
  let highest = 0
  for (let at = 0; at < mine.length; at++) if (mine[at]! > highest) highest = mine[at]!
  const places = new Uint32Array(highest + 2)
  await turn.pass()
  for (let at = 0; at < mine.length; at++) {
    if (reverse) mine[at] = highest - mine[at]!
    places[mine[at]! + 1]!++
    if ((at & 4095) === 0) await turn.pass()
  }
  for (let rank = 1; rank < places.length; rank++) places[rank]! += places[rank - 1]!
  await turn.pass()
  const ordered = new Uint32Array(rows.length)
  for (let at = 0; at < rows.length; at++) {
    ordered[places[mine[at]!]!++] = rows[at]!
    if ((at & 4095) === 0) await turn.pass()
  }
  return ordered
}
