import { ok } from '../errors.ts'
import type { Command } from '../session/session.ts'

/** LAST: the highest message number retrieved. RFC 1460 §3; known only where the options say so. */
export const last: Command = {
  name: 'LAST',
  transaction: (_session, { maildrop }) => ok(`${maildrop.lastAccessed}`),
}
