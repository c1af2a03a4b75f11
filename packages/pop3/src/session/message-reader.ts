import { type Sending, topAnswer, type WholeAnswer, wholeAnswer } from '../wire/whole-answer.ts'
import type { Maildrop } from './maildrop.ts'

/** Messages up to this size are answered whole. */
export const wholeLimitBytes = 131_072
const pieceBytes = 262_144
/** Where answers wait until they are sent: twice the largest message. */
const roomBytes = 262_144

/** What the reader asks of the connection that messages go to. */
export interface Outlet {
  /** Sends what is held back. */
  flush(): void
  readonly backlogBytes: number
}

/**
 * Makes the answers to RETR. Most clients go through a maildrop in order: the answer to the next command is
 * there before it is asked for, while the client is busy with the last one.
 */
export class MessageReader {
  readonly #maildrop: Maildrop
  readonly #outlet: Outlet
  /** Used again as soon as the kernel has what is in it; what is made ahead (`#next`) is forgotten then. */
  #room: Buffer | undefined
  #usedBytes = 0
  #lastNumber = 0
  #inOrder = false
  #next: { readonly number: number; readonly sending: Sending; readonly answer: WholeAnswer } | undefined

  constructor(maildrop: Maildrop, outlet: Outlet) {
    this.#maildrop = maildrop
    this.#outlet = outlet
  }

  /** To be written before anything else is asked for. undefined: it cannot be had at once. */
  answerNow(number: number, sending: Sending): WholeAnswer | undefined {
    this.#inOrder = number === this.#lastNumber + 1
    this.#lastNumber = number
    const next = this.#next
    this.#next = undefined
    if (next?.number === number && next.sending === sending) return next.answer
    return this.#make(number, sending)
  }

  /** TOP, as `answerNow`. */
  topNow(number: number, lineCount: number, sending: Sending): WholeAnswer | undefined {
    this.#next = undefined
    const message = this.#maildrop.readNow(number, wholeLimitBytes)
    return message && topAnswer(message, lineCount, sending, this.#take)
  }

  /** For a message of at most `wholeLimitBytes`; undefined when it is gone. */
  async answerLater(number: number, sending: Sending): Promise<WholeAnswer | undefined> {
    const message = await this.#maildrop.read(number)
    this.#next = undefined
    return message && wholeAnswer(message, sending, this.#take)
  }

  /** The client goes through messages in order, and the answer for the next one is not there yet. */
  get walking(): boolean {
    return this.#inOrder && this.#next === undefined && this.#lastNumber < this.#maildrop.count
  }

  /** When the client has all it asked for: makes what it will ask for next. */
  prepare(sending: Sending): void {
    if (!this.walking) return
    const number = this.#lastNumber + 1
    const answer = this.#make(number, sending)
    if (answer !== undefined) this.#next = { number, sending, answer }
  }

  /** A large message piece by piece; the next piece is read while the last one is being sent. */
  async *pieces(number: number, sizeBytes: number): AsyncGenerator<Uint8Array> {
    const read = (start: number): Promise<Uint8Array | undefined> =>
      this.#maildrop.read(number, start, Math.min(start + pieceBytes, sizeBytes))
    let next = read(0)
    for (let start = 0; start < sizeBytes; ) {
      const piece = await next
      if (piece === undefined || piece.length === 0) throw new PieceMissing(start)
      start += piece.length
      if (start < sizeBytes) {
        next = read(start)
        // Awaited in the next round, if there is one.
        next.catch(() => {})
      }
      yield piece
    }
  }

  /** Gives its memory back. */
  clear(): void {
    this.#next = undefined
    this.#room = undefined
    this.#usedBytes = 0
  }

  #make(number: number, sending: Sending): WholeAnswer | undefined {
    const message = this.#maildrop.readNow(number, wholeLimitBytes)
    return message && wholeAnswer(message, sending, this.#take)
  }

  readonly #take = (lengthBytes: number): Buffer => {
    const outlet = this.#outlet
    const room = this.#room
    if (room !== undefined && outlet.backlogBytes > 0 && room.length - this.#usedBytes < lengthBytes) {
      outlet.flush()
    }
    if (outlet.backlogBytes === 0) this.#usedBytes = 0
    if (room === undefined || room.length - this.#usedBytes < lengthBytes) return this.#takeNew(lengthBytes)
    this.#usedBytes += lengthBytes
    return room.subarray(this.#usedBytes - lengthBytes, this.#usedBytes)
  }

  /** What lies in the former room stays there until it is sent. */
  #takeNew(lengthBytes: number): Buffer {
    this.#room = Buffer.allocUnsafeSlow(Math.max(roomBytes, lengthBytes))
    this.#usedBytes = lengthBytes
    return this.#room.subarray(0, lengthBytes)
  }
}

/** A message vanished while it was being sent: the response cannot be completed. */
export class PieceMissing extends Error {
  constructor(offset: number) {
    super(`Cannot read the message from octet ${offset} on: it is gone`)
    this.name = 'PieceMissing'
  }
}
