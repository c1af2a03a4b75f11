import { err, ok } from '../errors.ts'
import { wholeLimitBytes } from '../session/message-reader.ts'
import type { Command, Pop3Session, Reply, Transaction } from '../session/session.ts'
import { DotStuffer } from '../wire/dot-stuffing.ts'
import { findHeaderEnd, HeaderEndFinder } from '../wire/header-end.ts'
import { readOnlyMessageNumber } from './message-number.ts'

/** RETR. RFC 1939 §5. Small messages in one write, large ones piece by piece as the client takes them. */
export const retr: Command = {
  name: 'RETR',
  transaction(session, state, rest) {
    const read = readOnlyMessageNumber(state.maildrop, rest)
    if (read.refusal !== undefined) return read.refusal
    const sizes = state.maildrop.sizes()
    return sizes instanceof Promise
      ? sizes.then((known) => retrieve(session, state, read.number, known))
      : retrieve(session, state, read.number, sizes)
  },
}

export const messageGone = err('Message is gone.', 'SYS/TEMP')

function retrieve(
  session: Pop3Session,
  state: Transaction,
  number: number,
  sizes: Float64Array,
): Reply | Promise<Reply> {
  const sizeBytes = sizes[number - 1]!
  if (sizeBytes > wholeLimitBytes) return sendPieces(session, state, number, sizeBytes)
  const message = state.reader.whole(number)
  if (message instanceof Promise) return message.then((bytes) => sendWhole(session, state, number, bytes))
  return sendWhole(session, state, number, message)
}

function sendWhole(
  session: Pop3Session,
  state: Transaction,
  number: number,
  message: Uint8Array | undefined,
): Reply {
  if (message === undefined) return messageGone
  const { connection, options } = session
  const stuffer = new DotStuffer(options.nul)
  const body = stuffer.push(message)
  const end = stuffer.finish()
  const headerEnd =
    options.missingHeaderEnd === 'added' && findHeaderEnd(message) === undefined ? addHeaderEnd(end) : end
  connection.write(ok(`${message.length} octets`))
  connection.write(body)
  connection.write(headerEnd)
  count(state, number, body.length)
  return undefined
}

/** The header's last line was all there was: its empty line, then the end. */
export function addHeaderEnd(end: string): string {
  return end.startsWith('.') ? `\r\n${end}` : end.replace('.', '\r\n.')
}

async function sendPieces(
  session: Pop3Session,
  state: Transaction,
  number: number,
  sizeBytes: number,
): Promise<undefined> {
  const { connection, options } = session
  const stuffer = new DotStuffer(options.nul)
  const header = new HeaderEndFinder()
  let sentBytes = 0
  for await (const piece of state.reader.pieces(number, sizeBytes)) {
    if (sentBytes === 0) connection.write(ok(`${sizeBytes} octets`))
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
