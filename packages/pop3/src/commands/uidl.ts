import { ok } from '../errors.ts'
import type { Command } from '../session/session.ts'
import { compileUidlFormat } from '../wire/uidl.ts'
import { listMessages } from './listing.ts'
import { readOnlyMessageNumber } from './message-number.ts'

/** UIDL: UIDs are never given twice under one UIDVALIDITY, so the ids hold for ever. RFC 1939 §7. */
export const uidl: Command = {
  name: 'UIDL',
  capabilities: () => ['UIDL'],
  transaction(session, state, rest) {
    const { maildrop } = state
    const format = compileUidlFormat(session.options.uidlFormat)
    const id = (number: number): string => format(maildrop.uidOf(number), maildrop.uidValidity)
    if (rest.length === 0) return listMessages('', state, (number) => `${number} ${id(number)}\r\n`)
    const read = readOnlyMessageNumber(maildrop, rest)
    return read.refusal ?? ok(`${read.number} ${id(read.number)}`)
  },
}
