import type { CloseReason, ConnectionHandler, SecureFacts, TlsCredentials } from '@posthorn/net'
import type { Channel } from './channel.ts'
import { Deflater } from './deflater.ts'
import { Inflater } from './inflater.ts'

/** What waits beyond this is compressed without waiting for the end of the turn. */
const flushBytes = 65_536
/** From here on `drained` asks the writer to wait, as the connection does. */
const highWaterBytes = 131_072
/** Every so often only what is needed to go on is kept. */
const restAfterMs = 5_000

/** Who speaks IMAP on the channel. */
export interface ChannelUser extends ConnectionHandler {
  /** What came is not compressed as agreed. */
  damaged(): void
}

/** Everything from here on is compressed, both ways. RFC 4978. */
export class CompressedChannel implements Channel, ConnectionHandler {
  readonly #inner: Channel
  readonly #deflater: Deflater
  readonly #inflater: Inflater
  #user: ChannelUser
  #waiting: (Uint8Array | string)[] = []
  #waitingBytes = 0
  #flushScheduled = false
  #ending = false
  #pausedBy: { user: boolean; zlib: boolean } = { user: false, zlib: false }
  #drain: Promise<void> | undefined
  readonly #rest: NodeJS.Timeout
  #rested = true

  constructor(inner: Channel, user: ChannelUser) {
    this.#inner = inner
    this.#user = user
    this.#deflater = new Deflater((octets) => inner.write(octets))
    this.#inflater = new Inflater({
      octets: (octets) => {
        if (this.open) this.#user.bytes(octets)
      },
      full: (state) => this.#pause('zlib', state === 'full'),
      damaged: () => this.#user.damaged(),
    })
    this.#rest = setTimeout(() => this.#giveBack(), restAfterMs).unref()
    inner.attach(this)
  }

  attach(user: ConnectionHandler): void {
    this.#user = user as ChannelUser
  }

  get remoteAddress(): string {
    return this.#inner.remoteAddress
  }

  get localAddress(): string {
    return this.#inner.localAddress
  }

  get secure(): SecureFacts | undefined {
    return this.#inner.secure
  }

  /** As they came, compressed. */
  get receivedBytes(): number {
    return this.#inner.receivedBytes
  }

  get sentBytes(): number {
    return this.#inner.sentBytes
  }

  get open(): boolean {
    return !this.#ending && this.#inner.open
  }

  write(octets: Uint8Array | string): void {
    if (!this.open || octets.length === 0) return
    this.#waiting.push(octets)
    this.#waitingBytes += octets.length
    if (this.#waitingBytes >= flushBytes) this.#flush()
    else if (!this.#flushScheduled) {
      this.#flushScheduled = true
      process.nextTick(() => this.#flush())
    }
  }

  writeAll(pieces: readonly Uint8Array[]): void {
    for (const piece of pieces) this.write(piece)
  }

  /** It is compressed now; when it leaves is not ours to say. */
  flush(): void {
    this.#flush()
  }

  acknowledge(): void {
    this.#inner.acknowledge()
  }

  get backlogBytes(): number {
    return this.#waitingBytes + this.#deflater.pendingBytes + this.#inner.backlogBytes
  }

  get drained(): Promise<void> | undefined {
    if (!this.open || this.backlogBytes < highWaterBytes) return undefined
    this.#flush()
    this.#drain ??= this.#untilDrained().finally(() => {
      this.#drain = undefined
    })
    return this.#drain
  }

  async #untilDrained(): Promise<void> {
    while (this.open && this.backlogBytes >= highWaterBytes) {
      const wait = this.#deflater.settled ?? this.#inner.drained
      if (wait === undefined) return
      await wait
    }
  }

  pause(): void {
    this.#pause('user', true)
  }

  resume(): void {
    this.#pause('user', false)
  }

  #pause(by: 'user' | 'zlib', paused: boolean): void {
    this.#pausedBy[by] = paused
    if (by === 'user') {
      if (paused) this.#inflater.pause()
      else this.#inflater.resume()
    }
    if (this.#pausedBy.user || this.#pausedBy.zlib) this.#inner.pause()
    else this.#inner.resume()
  }

  setDeadline(afterMs: number): void {
    this.#inner.setDeadline(afterMs)
  }

  authenticated(): void {
    this.#inner.authenticated()
  }

  /** RFC 4978 §3: only after login here, where STARTTLS is no command any more. */
  startTls(_goAhead: string, _credentials: TlsCredentials): Promise<SecureFacts | undefined> {
    return Promise.resolve(undefined)
  }

  end(): void {
    if (!this.open) return
    this.#flush()
    this.#ending = true
    const settled = this.#deflater.settled
    if (settled === undefined) this.#inner.end()
    else void settled.then(() => this.#inner.end())
  }

  /** What was written is the last that is compressed; gives the connection below back to its user. RFC 8437 §4.1. */
  async leave(): Promise<Channel> {
    this.#flush()
    await this.#deflater.settled
    clearTimeout(this.#rest)
    this.#deflater.close()
    this.#inflater.close()
    if (!this.open) return this
    this.#ending = true
    this.#inner.attach(this.#user)
    if (this.#pausedBy.zlib && !this.#pausedBy.user) this.#inner.resume()
    return this.#inner
  }

  destroy(reason?: CloseReason): void {
    this.#inner.destroy(reason)
  }

  /** Memory that is only good for speed, unless it is in use at this moment. */
  #giveBack(): void {
    if (this.#deflater.rest() && this.#inflater.rest()) this.#rested = true
    else this.#rest.refresh()
  }

  #work(): void {
    // At each octet would cost more than it gives.
    if (!this.#rested) return
    this.#rested = false
    this.#rest.refresh()
  }

  // ConnectionHandler of the connection below.

  bytes(chunk: Buffer): void {
    if (!this.open) return
    this.#work()
    this.#inflater.push(chunk)
  }

  ended(): void {
    this.#inflater.whenSettled(() => this.#user.ended?.())
  }

  timedOut(): void {
    this.#user.timedOut?.()
  }

  closed(reason: CloseReason, error: Error | undefined): void {
    this.#ending = true
    clearTimeout(this.#rest)
    this.#deflater.close()
    this.#inflater.close()
    this.#waiting = []
    this.#waitingBytes = 0
    this.#user.closed(reason, error)
  }

  #flush(): void {
    this.#flushScheduled = false
    if (this.#waitingBytes === 0 || !this.#inner.open) return
    const pieces = this.#waiting
    this.#waiting = []
    this.#waitingBytes = 0
    this.#work()
    this.#deflater.push(joined(pieces))
  }
}

/** One batch: its end is the only place where the compressor has to stop and think of the reader. */
function joined(pieces: readonly (Uint8Array | string)[]): Uint8Array {
  const buffers = pieces.map((piece) => (typeof piece === 'string' ? Buffer.from(piece) : piece))
  return buffers.length === 1 ? buffers[0]! : Buffer.concat(buffers)
}
