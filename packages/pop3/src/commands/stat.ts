import { ok } from '../errors.ts'
import type { Maildrop } from '../session/maildrop.ts'
import type { Command } from '../session/session.ts'

/** STAT: messages and octets, those marked deleted left out. RFC 1939 §5. */
export const stat: Command = {
  name: 'STAT',
  transaction(_session, { maildrop }) {
    const later = maildrop.sizesLater()
    return later === undefined ? counted(maildrop) : later.then(() => counted(maildrop))
  },
}

function counted({ count, deletedCount, totalBytes, deletedBytes }: Maildrop): string {
  return ok(`${count - deletedCount} ${totalBytes - deletedBytes}`)
}
