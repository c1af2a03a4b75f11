import { ok } from '../errors.ts'
import type { Command } from '../session/session.ts'

/** RSET: unmarks what DELE marked. RFC 1939 §5. */
export const rset: Command = {
  name: 'RSET',
  transaction(_session, { maildrop }) {
    maildrop.reset()
    return ok()
  },
}
