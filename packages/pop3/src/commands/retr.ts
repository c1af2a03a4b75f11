import { err, ok } from '../errors.ts'
import { wholeLimitBytes } from '../session/message-reader.ts'
import type { Command, Pop3Session, Reply, Transaction } from '../session/session.ts'
import { DotStuffer } from '../wire/dot-stuffing.ts'
import { HeaderEndFinder } from '../wire/header-end.ts'
import { addHeaderEnd, type WholeAnswer } from '../wire/whole-answer.ts'
import { readOnlyMessageNumber } from './message-number.ts'

/** RETR. RFC 1939 §5. Small messages in one write, large ones piece by piece as the client takes them. */
export const retr: Command = {
  name: 'RETR',
  transaction(session, state, rest) {
    const read = readOnlyMessageNumber(state.maildrop, rest)
    if (read.refusal !== undefined) return read.refusal
    const answer = state.reader.answerNow(read.number, session.options)
    if (answer === undefined) return retrieveLater(session, state, read.number)
    sendWhole(session, state, read.number, answer)
    return undefined
  },
}

export const messageGone = err('Message is gone.', 'SYS/TEMP')

/** The message is large, or not where it can be had at once. */
async function retrieveLater(session: Pop3Session, state: Transaction, number: number): Promise<Reply> {
  await state.maildrop.sizesLater()
  const storedBytes = state.maildrop.storedSizes[number - 1]!
  if (storedBytes > wholeLimitBytes) return await sendPieces(session, state, number, storedBytes)
  const answer = await state.reader.answerLater(number, session.options)
  if (answer === undefined) return messageGone
  sendWhole(session, state, number, answer)
  return undefined
}

function sendWhole(session: Pop3Session, state: Transaction, number: number, answer: WholeAnswer): void {
  session.connection.write(answer.bytes)
  count(state, number, answer.messageBytes)
}

async function sendPieces(
  session: Pop3Session,
  state: Transaction,
  number: number,
  storedBytes: number,
): Promise<undefined> {
  const { connection, options } = session
  const stuffer = new DotStuffer(options.nul)
  const header = new HeaderEndFinder()
  let sentBytes = 0
  for await (const piece of state.reader.pieces(number, storedBytes)) {
    if (sentBytes === 0) connection.write(ok(`${state.maildrop.sizes[number - 1]} octets`))
    if (!header.found) header.take(piece)
    const stuffed = stuffer.push(piece)
    sentBytes += stuffed.length
    connection.write(stuffed)
    await connection.drained
    if (!connection.open) return
  }
  const end = stuffer.finish()
  connection.write(header.found || options.missingHeaderEnd === 'kept' ? end : addHeaderEnd(end))
  count(state, number, sentBytes)
}

function count({ maildrop, sent }: Transaction, number: number, bytes: number): void {
  maildrop.markRetrieved(number)
  sent.retrCount++
  sent.retrBytes += bytes
}
