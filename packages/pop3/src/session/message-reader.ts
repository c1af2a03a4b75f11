import { PieceMemory } from '@posthorn/net'
import { type Sending, topAnswer, type WholeAnswer, wholeAnswer } from '../wire/whole-answer.ts'
import type { Maildrop } from './maildrop.ts'

/** Messages up to this size are answered whole; the store reads so much at once. */
export const wholeLimitBytes = 253_952
const pieceBytes = 262_144
/** No message comes behind it. */
const noNumber = -1
/** Where answers wait until they are sent. */
const roomBytes = 262_144

/** What the reader asks of the connection that messages go to. */
export interface Outlet {
  /** Sends what is held back. */
  flush(): void
  readonly backlogBytes: number
}

/** What the reader asks of the maildrop. */
export type MessageSource = Pick<Maildrop, 'count' | 'readNow' | 'read'>

interface Room {
  readonly memory: Buffer
  usedBytes: number
}

/**
 * Makes the answers to RETR. Most clients go through a maildrop in order: the answer to the next command is
 * there before it is asked for, while the client is busy with the last one.
 */
export class MessageReader {
  readonly #maildrop: MessageSource
  readonly #outlet: Outlet
  /** Used again as soon as the kernel has what is in it; what is made ahead (`#next`) is forgotten then. */
  #room: Room | undefined
  /** The one before: used again when a client that takes more slowly than we make has come so far. */
  #former: Room | undefined
  #lastNumber = 0
  #inOrder = false
  #next: { readonly number: number; readonly sending: Sending; readonly answer: WholeAnswer } | undefined

  constructor(maildrop: MessageSource, outlet: Outlet) {
    this.#maildrop = maildrop
    this.#outlet = outlet
  }

  /** To be written before anything else is asked for. undefined: it cannot be had at once. */
  answerNow(number: number, sending: Sending): WholeAnswer | undefined {
    this.#inOrder = number === this.#lastNumber + 1
    this.#lastNumber = number
    const next = this.#next
    if (next?.number === number && next.sending === sending) {
      this.#next = undefined
      return next.answer
    }
    this.#forgetNext()
    return this.#make(number, sending)
  }

  /** TOP, as `answerNow`. Who asks for it now and then does not go through the messages as `walking` means it. */
  topNow(number: number, lineCount: number, sending: Sending): WholeAnswer | undefined {
    this.#forgetNext()
    this.#inOrder = false
    this.#lastNumber = noNumber
    const message = this.#maildrop.readNow(number, wholeLimitBytes)
    return message && topAnswer(message, lineCount, sending, this.#take)
  }

  /** For a message of at most `wholeLimitBytes`; undefined when it is gone. */
  async answerLater(number: number, sending: Sending): Promise<WholeAnswer | undefined> {
    const message = await this.#maildrop.read(number)
    this.#forgetNext()
    return message && wholeAnswer({ octets: message, plainFrom: message.length }, sending, this.#take)
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
    const memories = new PieceMemory(this.#outlet, pieceBytes)
    let memory = memories.take()
    const read = (start: number): Promise<Uint8Array | undefined> =>
      this.#maildrop.read(number, start, Math.min(start + pieceBytes, sizeBytes), memory)
    let next = read(0)
    for (let start = 0; start < sizeBytes; ) {
      const piece = await next
      if (piece === undefined || piece.length === 0) throw new PieceMissing(start)
      start += piece.length
      const former = memory
      if (start < sizeBytes) {
        memory = memories.take()
        next = read(start)
        // Awaited in the next round, if there is one.
        next.catch(() => {})
      }
      yield piece
      // What was sent of it was not less.
      memories.passed(former, piece.length)
    }
  }

  /** Gives its memory back. */
  clear(): void {
    this.#next = undefined
    this.#room = undefined
    this.#former = undefined
  }

  #make(number: number, sending: Sending): WholeAnswer | undefined {
    const message = this.#maildrop.readNow(number, wholeLimitBytes)
    return message && wholeAnswer(message, sending, this.#take)
  }

  /** It was the last to be made: its memory is free again, and the room holds nothing but what was written. */
  #forgetNext(): void {
    if (this.#next === undefined) return
    if (this.#room !== undefined) this.#room.usedBytes -= this.#next.answer.bytes.length
    this.#next = undefined
  }

  readonly #take = (lengthBytes: number): Buffer => {
    const outlet = this.#outlet
    let room = this.#room
    if (room !== undefined && outlet.backlogBytes > 0 && roomIn(room) < lengthBytes) outlet.flush()
    if (room !== undefined && outlet.backlogBytes === 0) room.usedBytes = 0
    if (room === undefined || roomIn(room) < lengthBytes) room = this.#nextRoom(lengthBytes)
    room.usedBytes += lengthBytes
    return room.memory.subarray(room.usedBytes - lengthBytes, room.usedBytes)
  }

  /** What lies in the present room stays there until it is sent. */
  #nextRoom(lengthBytes: number): Room {
    const { backlogBytes } = this.#outlet
    const free = this.#former
    this.#former = this.#room
    // All that is not sent yet was written after what lies in the one before.
    const isFree = free !== undefined && backlogBytes <= (this.#former?.usedBytes ?? 0)
    if (isFree && free.memory.length >= lengthBytes) {
      free.usedBytes = 0
      this.#room = free
    } else this.#room = { memory: Buffer.allocUnsafeSlow(Math.max(roomBytes, lengthBytes)), usedBytes: 0 }
    return this.#room
  }
}

const roomIn = ({ memory, usedBytes }: Room): number => memory.length - usedBytes

/** A message vanished while it was being sent: the response cannot be completed. */
export class PieceMissing extends Error {
  constructor(offset: number) {
    super(`Cannot read the message from octet ${offset} on: it is gone`)
    this.name = 'PieceMissing'
  }
}
