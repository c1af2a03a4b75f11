import { setImmediate as nextTurn } from 'node:timers/promises'
import { ok } from '../errors.ts'
import type { Pop3Session, Reply, Transaction } from '../session/session.ts'

/** Lines that are made in one piece; a text much longer costs more than its parts. */
const pieceLines = 2_000
/** So many pieces keep other sessions waiting for a millisecond or two. */
const turnPieces = 4

/** A multi-line answer with a line for each message that is not marked deleted. */
export function listMessages(
  session: Pop3Session,
  text: string,
  state: Transaction,
  line: (number: number) => string,
): Reply | Promise<Reply> {
  const { count } = state.maildrop
  if (count > pieceLines) return listInPieces(session, text, state, line)
  return `${ok(text)}${lines(state, 1, count, line)}.\r\n`
}

async function listInPieces(
  { connection }: Pop3Session,
  text: string,
  state: Transaction,
  line: (number: number) => string,
): Promise<Reply> {
  const { count } = state.maildrop
  connection.write(ok(text))
  for (let first = 1, pieces = 1; first <= count; first += pieceLines, pieces++) {
    const last = Math.min(count, first + pieceLines - 1)
    connection.write(Buffer.from(lines(state, first, last, line), 'latin1'))
    await connection.drained
    if (pieces % turnPieces === 0) await nextTurn()
    if (!connection.open) return undefined
  }
  return '.\r\n'
}

function lines(
  { maildrop }: Transaction,
  first: number,
  last: number,
  line: (number: number) => string,
): string {
  let text = ''
  if (maildrop.deletedCount === 0) for (let number = first; number <= last; number++) text += line(number)
  else
    for (let number = first; number <= last; number++) if (!maildrop.isDeleted(number)) text += line(number)
  return text
}
