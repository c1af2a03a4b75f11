import { ok } from '../errors.ts'
import type { Command } from '../session/session.ts'
import { readOnlyMessageNumber } from './message-number.ts'

/** DELE: a mark, applied by QUIT and by nothing else. RFC 1939 §5. */
export const dele: Command = {
  name: 'DELE',
  transaction(_session, { maildrop }, rest) {
    const read = readOnlyMessageNumber(maildrop, rest)
    if (read.refusal !== undefined) return read.refusal
    maildrop.markDeleted(read.number)
    return ok('Marked to be deleted.')
  },
}
