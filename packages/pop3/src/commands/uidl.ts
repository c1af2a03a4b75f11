import { ok } from '../errors.ts'
import type { Maildrop } from '../session/maildrop.ts'
import type { Command, Pop3Session, Reply, Transaction } from '../session/session.ts'
import { compileUidlFormat, globalIdOf, namesMessages } from '../wire/uidl.ts'
import { listMessages } from './listing.ts'
import { readOnlyMessageNumber } from './message-number.ts'

/** UIDL: UIDs are never given twice under one UIDVALIDITY, so the ids hold for ever. RFC 1939 §7. */
export const uidl: Command = {
  name: 'UIDL',
  capabilities: () => ['UIDL'],
  transaction(session, state, rest) {
    const { keptIds } = state.maildrop
    if (keptIds !== undefined) return answer(session, state, rest, keptIds)
    return prepare(state.maildrop, session.options).then((ids) => answer(session, state, rest, ids))
  },
}

/** Once in a session: what does not follow the format, and what shall be kept although it does. */
async function prepare(
  maildrop: Maildrop,
  { xUidl, toldUidls, uidlFormat }: Pop3Session['options'],
): Promise<ReadonlyMap<number, string>> {
  const kept = await maildrop.findKeptIds(xUidl)
  if (toldUidls === 'made anew') return kept
  const idOf = formatted(maildrop, uidlFormat)
  const fresh = new Map<number, string>()
  for (const uid of maildrop.uids) if (!kept.has(uid)) fresh.set(uid, idOf(uid))
  if (fresh.size > 0) await maildrop.keepIds(fresh)
  return maildrop.keptIds ?? kept
}

function formatted({ uidValidity, objectId }: Maildrop, uidlFormat: string): (uid: number) => string {
  const format = compileUidlFormat(uidlFormat)
  if (namesMessages(uidlFormat) === undefined) return (uid) => format(uid, uidValidity, '')
  return (uid) => format(uid, uidValidity, globalIdOf(objectId, uid))
}

function answer(
  session: Pop3Session,
  state: Transaction,
  rest: Buffer,
  kept: ReadonlyMap<number, string>,
): Reply | Promise<Reply> {
  const { maildrop } = state
  const idOf = formatted(maildrop, session.options.uidlFormat)
  const id = (number: number): string => {
    const uid = maildrop.uidOf(number)
    return (kept.size > 0 ? kept.get(uid) : undefined) ?? idOf(uid)
  }
  if (rest.length === 0) return listMessages(session, '', state, (number) => `${number} ${id(number)}\r\n`)
  const read = readOnlyMessageNumber(maildrop, rest)
  return read.refusal ?? ok(`${read.number} ${id(read.number)}`)
}
