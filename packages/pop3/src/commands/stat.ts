import { ok } from '../errors.ts'
import type { Command } from '../session/session.ts'

/** STAT: messages and octets, those marked deleted left out. RFC 1939 §5. Reads nothing. */
export const stat: Command = {
  name: 'STAT',
  transaction: (_session, { maildrop }) =>
    ok(`${maildrop.count - maildrop.deletedCount} ${maildrop.totalBytes - maildrop.deletedBytes}`),
}
