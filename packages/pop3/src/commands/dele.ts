import { ok } from '../errors.ts'
import type { Maildrop } from '../session/maildrop.ts'
import type { Command } from '../session/session.ts'
import { readOnlyMessageNumber } from './message-number.ts'

/** DELE: a mark, applied by QUIT and by nothing else. RFC 1939 §5. */
export const dele: Command = {
  name: 'DELE',
  transaction(_session, { maildrop }, rest) {
    const read = readOnlyMessageNumber(maildrop, rest)
    if (read.refusal !== undefined) return read.refusal
    const later = maildrop.sizesLater()
    return later === undefined
      ? marked(maildrop, read.number)
      : later.then(() => marked(maildrop, read.number))
  },
}

function marked(maildrop: Maildrop, number: number): string {
  maildrop.markDeleted(number)
  return ok('Marked to be deleted.')
}
