import type { Turn } from '../session/turn.ts'

/** What of a column stands in `rows`, in their order, into `target`, which has as many places. */
export async function pick<Value, Target extends { [at: number]: Value }>(
  column: ArrayLike<Value>,
  rows: Uint32Array,
  target: Target,
  turn: Turn,
): Promise<Target> {
  for (let at = 0; at < rows.length; at++) {
    target[at] = column[rows[at]!]!
    if ((at & 4095) === 0) await turn.pass()
  }
  return target
}
