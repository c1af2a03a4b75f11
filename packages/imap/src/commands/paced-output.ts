import { setImmediate as turn } from 'node:timers/promises'
import type { SelectedSession } from '../session/session.ts'
import { pieceBytes, ResponseWriter } from '../wire/response.ts'
import { givePiece, takePiece } from './output-memory.ts'

/** Sent as soon as this much is ready. */
export const batchBytes = 64 * 1024
/** After this much work without waiting for the client, others get their turn. */
export const turnBytes = 512 * 1024
/** Octets that are sent from where they are go out so many at a time: each call into the kernel wakes the client. */
const sendBytes = 256 * 1024
/** Memory kept for what is being sent. */
const maxPieces = 3
/** An answer up to this is sent from elsewhere: of a thousand pipelined ones each would keep a piece. */
const smallBytes = 2048

/** A long answer on its way to one client: collected into batches, which wait for the client and for the others. */
export class PacedOutput {
  readonly writer: ResponseWriter
  /** Octets are not sent from where they are: their memory is somebody else's. */
  copies = false
  readonly #session: SelectedSession
  #sinceTurn = 0
  #sentBytes = 0
  /** Memory of the writer, the piece in use first, and what had been sent when it was full. */
  #pieces: { readonly buffer: Buffer; sentBytes: number }[]
  #drained: Promise<void> | undefined
  /** Not handed to the connection yet. */
  #queue: Uint8Array[] = []
  #queuedBytes = 0

  constructor(session: SelectedSession) {
    const buffer = takePiece()
    this.#pieces = [{ buffer, sentBytes: 0 }]
    this.writer = new ResponseWriter(buffer, (lengthBytes) => this.#memory(lengthBytes))
    this.#session = session
  }

  /** Time to `flush`. */
  get full(): boolean {
    return this.writer.length >= batchBytes || this.#drained !== undefined || this.#sinceTurn >= turnBytes
  }

  /** Sends what is ready, and waits when the client or the others need it. */
  async flush(): Promise<void> {
    if (this.writer.length > 0) this.#put(this.writer.take())
    this.#sendQueue()
    const drained = this.#drained
    if (drained === undefined && this.#sinceTurn < turnBytes) return
    this.#drained = undefined
    this.#sinceTurn = 0
    await (drained ?? turn())
    if (this.#session.settled) this.writer.recycle()
  }

  /** A mailbox of octets passes through: fresh memory for each piece would be most of the work. */
  #memory(lengthBytes: number): Buffer {
    if (lengthBytes !== pieceBytes) return Buffer.allocUnsafeSlow(lengthBytes)
    const [last, ...others] = this.#pieces
    if (last !== undefined) last.sentBytes = this.#sentBytes
    const free = others.find(({ sentBytes }) => this.isGone(sentBytes))
    const next = free ?? { buffer: takePiece(), sentBytes: 0 }
    this.#pieces = [next, ...this.#pieces.filter((piece) => piece !== next)].slice(0, maxPieces)
    return next.buffer
  }

  /** All has been written: what is left is sent, and others may have its memory as soon as that is gone. */
  end(): void {
    const isSmall = this.#sentBytes === 0 && this.writer.length <= smallBytes
    if (isSmall && this.writer.length > 0) this.#put(Buffer.from(this.writer.take()))
    this.pass()
    this.close(isSmall ? 'unused' : 'used')
  }

  /** After the last flush: others may have its memory as soon as all has been sent. */
  close(memory: 'used' | 'unused' = 'used'): void {
    const [last] = this.#pieces
    if (last !== undefined) last.sentBytes = memory === 'used' ? this.#sentBytes : Number.NEGATIVE_INFINITY
    for (const { buffer, sentBytes } of this.#pieces) givePiece(buffer, this, sentBytes)
    this.#pieces = []
  }

  /** So far. */
  get sentBytes(): number {
    return this.#sentBytes
  }

  /** Whether nobody needs any more what was sent when `sentBytes` had this value. */
  isGone(sentBytes: number): boolean {
    // What was written since the end was not taken: it says nothing of what still waits before it.
    if (this.#session.gone) return this.#session.backlogBytes === 0
    return this.#session.backlogBytes + this.#queuedBytes <= this.#sentBytes - sentBytes
  }

  /** @see PieceUser */
  hurry(): void {
    this.#session.flush()
  }

  /** @param octets that are large enough to be sent from where they are, behind all that was written */
  pass(octets?: Uint8Array): void {
    if (this.writer.length > 0) this.#put(this.writer.take())
    if (octets === undefined) this.#sendQueue()
    else this.#put(octets)
  }

  async send(octets: Uint8Array): Promise<void> {
    this.pass(octets)
    await this.flush()
  }

  #put(octets: Uint8Array): void {
    this.#sinceTurn += octets.length
    this.#sentBytes += octets.length
    this.#queuedBytes += octets.length
    this.#queue.push(octets)
    if (this.#queuedBytes >= sendBytes) this.#sendQueue()
  }

  #sendQueue(): void {
    const queue = this.#queue
    const [first] = queue
    if (first === undefined) return
    this.#queue = []
    this.#queuedBytes = 0
    const session = this.#session
    this.#drained = (queue.length === 1 ? session.write(first) : session.writeAll(queue)) ?? this.#drained
    if (session.settled) this.writer.recycle()
  }

  /** Work was done that makes no octets, or few. @param weight in octets */
  protected spent(weight: number): void {
    this.#sinceTurn += weight
  }
}
