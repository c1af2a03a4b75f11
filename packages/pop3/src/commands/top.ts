import { err, ok } from '../errors.ts'
import type { Command, Pop3Session, Reply, Transaction } from '../session/session.ts'
import { DotStuffer } from '../wire/dot-stuffing.ts'
import { HeaderEndFinder, skipLines } from '../wire/header-end.ts'
import { maxNumber, quoteArgument, readNumber } from '../wire/number-argument.ts'
import { addHeaderEnd } from '../wire/whole-answer.ts'
import { readMessageNumber } from './message-number.ts'
import { messageGone } from './retr.ts'

const pieceBytes = 65_536
/** A header without an end is sent no further than this. */
const maxHeaderBytes = 10_485_760

/** TOP: the header, its empty line, and n lines of the body. RFC 1939 §7. Reads no more than it sends. */
export const top: Command = {
  name: 'TOP',
  capabilities: () => ['TOP'],
  transaction(session, state, rest) {
    const read = readMessageNumber(state.maildrop, rest)
    if (read.refusal !== undefined) return read.refusal
    const lines = readNumber(read.rest)
    if (read.rest.length === 0) return err('Noise after message number: ')
    if (lines.kind === 'invalid') return err(`Invalid size: ${quoteArgument(read.rest)}`)
    if (lines.rest.length > 0) return err(`Noise after size: ${quoteArgument(lines.rest)}`)
    // RFC 1939 §7: more lines than there are means all.
    const wanted = lines.kind === 'number' ? lines.value : maxNumber
    const answer = state.reader.topNow(read.number, wanted, session.options)
    if (answer === undefined) return sendPieces(session, state, read.number, wanted)
    session.connection.write(answer.bytes)
    count(state, answer.messageBytes)
    return undefined
  },
}

/** Of a message that is large, or cannot be had at once. */
async function sendPieces(
  session: Pop3Session,
  state: Transaction,
  number: number,
  lines: number,
): Promise<Reply> {
  const { connection, options } = session
  const { maildrop } = state
  const first = await maildrop.read(number, 0, pieceBytes)
  if (first === undefined) return messageGone
  const cut = new TopCut(lines)
  const stuffer = new DotStuffer(options.nul)
  connection.write(ok())
  let sentBytes = 0
  for (let start = 0, piece: Uint8Array | undefined = first; piece !== undefined && piece.length > 0; ) {
    const stuffed = stuffer.push(cut.take(piece))
    sentBytes += stuffed.length
    connection.write(stuffed)
    await connection.drained
    start += piece.length
    if (!connection.open || cut.done || piece.length < pieceBytes) break
    piece = await maildrop.read(number, start, start + pieceBytes)
  }
  const end = stuffer.finish()
  connection.write(cut.headerEnded ? end : addHeaderEnd(end))
  count(state, sentBytes)
  return undefined
}

function count({ sent }: Transaction, bytes: number): void {
  sent.topCount++
  sent.topBytes += bytes
}

/** Finds where TOP stops, piece by piece. */
class TopCut {
  done = false
  readonly #header = new HeaderEndFinder()
  #lines: number
  #headerBytes = 0

  constructor(lines: number) {
    this.#lines = lines
  }

  get headerEnded(): boolean {
    return this.#header.found
  }

  /** The part of the next piece that belongs to the answer. */
  take(piece: Uint8Array): Uint8Array {
    const start = this.#header.found ? 0 : this.#header.take(piece)
    if (start === undefined) {
      this.#headerBytes += piece.length
      this.done = this.#headerBytes > maxHeaderBytes
      return piece
    }
    const { end, missing } = skipLines(piece, start, this.#lines)
    this.#lines = missing
    this.done = missing === 0
    return piece.subarray(0, end)
  }
}
