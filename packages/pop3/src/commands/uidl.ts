import { ok } from '../errors.ts'
import type { Command, Pop3Session, Reply, Transaction } from '../session/session.ts'
import { compileUidlFormat } from '../wire/uidl.ts'
import { listMessages } from './listing.ts'
import { readOnlyMessageNumber } from './message-number.ts'

/** UIDL: UIDs are never given twice under one UIDVALIDITY, so the ids hold for ever. RFC 1939 §7. */
export const uidl: Command = {
  name: 'UIDL',
  capabilities: () => ['UIDL'],
  transaction(session, state, rest) {
    if (session.options.xUidl === 'ignored') return answer(session, state, rest, undefined)
    return state.maildrop.xUidls().then((found) => answer(session, state, rest, found))
  },
}

function answer(
  session: Pop3Session,
  state: Transaction,
  rest: Buffer,
  found: ReadonlyMap<number, string> | undefined,
): Reply | Promise<Reply> {
  const { maildrop } = state
  const format = compileUidlFormat(session.options.uidlFormat)
  const id = (number: number): string => {
    const uid = maildrop.uidOf(number)
    return found?.get(uid) ?? format(uid, maildrop.uidValidity)
  }
  if (rest.length === 0) return listMessages(session, '', state, (number) => `${number} ${id(number)}\r\n`)
  const read = readOnlyMessageNumber(maildrop, rest)
  return read.refusal ?? ok(`${read.number} ${id(read.number)}`)
}
