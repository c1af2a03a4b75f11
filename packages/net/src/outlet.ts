import type * as net from 'node:net'
import { OneBuffer } from './one-buffer.ts'
import { flushLimitBytes, joinPieces } from './output-pieces.ts'
import type { Transcript } from './transcript.ts'

const copyLimitBytes = 2048
/** A TLS record: below that each piece would become one of its own. */
const secureCopyLimitBytes = 16_384
/** From here on `drained` asks the writer to wait. */
const highWaterBytes = 131_072

const oneBuffer = new OneBuffer(flushLimitBytes)

/** What is on its way out of a connection: batches of replies, and whether the peer takes them. */
export class Outlet {
  /** Octets of the protocol, before encryption. */
  sentBytes = 0
  #pending: (Uint8Array | string)[] = []
  #pendingBytes = 0
  #holds = 0
  #flushScheduled = false
  #takenBytes = 0
  #drain: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined

  get pendingBytes(): number {
    return this.#pendingBytes
  }

  get held(): boolean {
    return this.#holds > 0
  }

  hold(): void {
    this.#holds++
  }

  /** True when it was the last hold: what was written has to be sent. */
  release(): boolean {
    if (this.#holds > 0) this.#holds--
    return this.#holds === 0
  }

  /** 'now': send it. 'later': send it after this turn. 'wait': somebody else will. */
  add(bytes: Uint8Array | string): 'now' | 'later' | 'wait' {
    this.#pending.push(bytes)
    this.#pendingBytes += bytes.length
    if (this.#pendingBytes >= flushLimitBytes) return 'now'
    if (this.#holds > 0 || this.#flushScheduled) return 'wait'
    this.#flushScheduled = true
    return 'later'
  }

  /** A flush is under way, or cannot be made now. */
  flushed(): void {
    this.#flushScheduled = false
  }

  /** Writes what is pending. */
  send(socket: net.Socket, secrecy: 'clear' | 'secure', transcript: Transcript | undefined): void {
    const pending = this.#pending
    this.#pending = []
    this.#pendingBytes = 0
    // One write of one buffer costs Node a third of what a list of them does.
    const one = secrecy === 'clear' && pending.length > 1 ? oneBuffer.join(pending) : undefined
    if (one !== undefined) {
      this.sentBytes += one.length
      transcript?.sent(one)
      socket.write(one)
      if (socket.writableLength > 0) oneBuffer.leave()
      return
    }
    const pieces = joinPieces(pending, secrecy === 'clear' ? copyLimitBytes : secureCopyLimitBytes)
    if (pieces.length > 1) socket.cork()
    for (const piece of pieces) {
      this.sentBytes += typeof piece === 'string' ? Buffer.byteLength(piece) : piece.length
      transcript?.sent(piece)
      socket.write(piece)
    }
    if (pieces.length > 1) socket.uncork()
  }

  isFull(socket: net.Socket): boolean {
    return this.#pendingBytes + socket.writableLength >= highWaterBytes
  }

  /** Kept when the socket has room again; undefined when it has. */
  room(socket: net.Socket): Promise<void> | undefined {
    if (!socket.writableNeedDrain) return undefined
    this.#drain ??= Promise.withResolvers<void>()
    return this.#drain.promise
  }

  /** The peer is taking our octets again, or is gone. */
  drained(): void {
    this.#drain?.resolve()
    this.#drain = undefined
  }

  discard(): void {
    this.#pending = []
    this.#pendingBytes = 0
  }

  /** What the peer has taken so far, for `stall`. */
  remember(socket: net.Socket): void {
    this.#takenBytes = socket.bytesWritten - socket.writableLength
  }

  /** 'moving': the peer has taken something since `remember`. */
  stall(socket: net.Socket): 'over' | 'moving' | 'stalled' {
    if (socket.writableLength === 0) return 'over'
    return socket.bytesWritten - socket.writableLength > this.#takenBytes ? 'moving' : 'stalled'
  }
}
