import { ok } from '../errors.ts'
import type { Command, Pop3Session, Reply, Transaction } from '../session/session.ts'
import { listMessages } from './listing.ts'
import { readOnlyMessageNumber } from './message-number.ts'

/** LIST, of one or of all: the octets that RETR will send. RFC 1939 §5. */
export const list: Command = {
  name: 'LIST',
  transaction(session, state, rest) {
    const later = state.maildrop.sizesLater()
    return later === undefined ? answer(session, state, rest) : later.then(() => answer(session, state, rest))
  },
}

function answer(session: Pop3Session, state: Transaction, rest: Buffer): Reply | Promise<Reply> {
  const { maildrop } = state
  const { sizes } = maildrop
  if (rest.length > 0) {
    const read = readOnlyMessageNumber(maildrop, rest)
    return read.refusal ?? ok(`${read.number} ${sizes[read.number - 1]}`)
  }
  const count = maildrop.count - maildrop.deletedCount
  return listMessages(session, `${count} messages:`, state, (number) => `${number} ${sizes[number - 1]}\r\n`)
}
