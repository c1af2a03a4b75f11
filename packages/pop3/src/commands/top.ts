import { err, ok } from '../errors.ts'
import type { Command, Pop3Session, Reply, Transaction } from '../session/session.ts'
import { DotStuffer } from '../wire/dot-stuffing.ts'
import { findHeaderEnd, skipLines } from '../wire/header-end.ts'
import { quoteArgument, readNumber } from '../wire/number-argument.ts'
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
    if (lines.kind !== 'number') return err(`Invalid size: ${quoteArgument(read.rest)}`)
    if (lines.rest.length > 0) return err(`Noise after size: ${quoteArgument(lines.rest)}`)
    return sendTop(session, state, read.number, lines.value)
  },
}

async function sendTop(
  session: Pop3Session,
  state: Transaction,
  number: number,
  lines: number,
): Promise<Reply> {
  const { store } = session.services
  const { connection, options } = session
  const { mailbox } = state.maildrop
  const uid = state.maildrop.uidOf(number)
  const first = await store.messages.read(mailbox, uid, 0, pieceBytes)
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
    piece = await store.messages.read(mailbox, uid, start, start + pieceBytes)
  }
  const end = stuffer.finish()
  connection.write(cut.headerEnded ? end : end.startsWith('.') ? `\r\n${end}` : end.replace('.', '\r\n.'))
  state.sent.topCount++
  state.sent.topBytes += sentBytes
  return undefined
}

/** Finds where TOP stops, piece by piece. */
class TopCut {
  headerEnded = false
  done = false
  #lines: number
  /** The end of the last piece: an empty line may lie across the cut. */
  #tail: Buffer = Buffer.alloc(0)
  #headerBytes = 0

  constructor(lines: number) {
    this.#lines = lines
  }

  /** The part of the next piece that belongs to the answer. */
  take(piece: Uint8Array): Uint8Array {
    const start = this.headerEnded ? 0 : this.#endOfHeader(piece)
    if (start === undefined) return piece
    const { end, missing } = skipLines(piece, start, this.#lines)
    this.#lines = missing
    this.done = missing === 0
    return piece.subarray(0, end)
  }

  #endOfHeader(piece: Uint8Array): number | undefined {
    const joined = this.#tail.length === 0 ? piece : Buffer.concat([this.#tail, piece])
    const end = findHeaderEnd(joined)
    if (end !== undefined) {
      this.headerEnded = true
      return end - this.#tail.length
    }
    this.#headerBytes += piece.length
    if (this.#headerBytes > maxHeaderBytes) this.done = true
    this.#tail = lastLine(joined)
    return undefined
  }
}

/** From the last line's start; of an endless line only so much that it does not look like an empty one. */
function lastLine(bytes: Uint8Array): Buffer {
  const line = bytes.subarray(bytes.lastIndexOf(10) + 1)
  return Buffer.from(line.length > 2 ? line.subarray(line.length - 2) : line)
}
