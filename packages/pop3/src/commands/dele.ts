import { ok } from '../errors.ts'
import type { Command, Transaction } from '../session/session.ts'
import { readOnlyMessageNumber } from './message-number.ts'

/** DELE: a mark, applied by QUIT and by nothing else. RFC 1939 §5. */
export const dele: Command = {
  name: 'DELE',
  transaction(_session, state, rest) {
    const sizes = state.maildrop.sizes()
    return sizes instanceof Promise
      ? sizes.then((known) => mark(state, known, rest))
      : mark(state, sizes, rest)
  },
}

function mark({ maildrop }: Transaction, sizes: Float64Array, rest: Buffer): string {
  const read = readOnlyMessageNumber(maildrop, rest)
  if (read.refusal !== undefined) return read.refusal
  maildrop.markDeleted(read.number, sizes[read.number - 1]!)
  return ok('Marked to be deleted.')
}
