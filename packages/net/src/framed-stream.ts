/**
 * One connection to a service on a Unix socket or a TCP port that speaks in frames of a length told in
 * advance, in both directions: a milter.
 */
import { createConnection, type Socket } from 'node:net'
import type { ServiceAddress } from './exchange-client.ts'

export interface FramedStreamOptions {
  readonly address: ServiceAddress
  /** For the connection to stand. */
  readonly connectTimeoutMs: number
  /** Octets of the first whole frame in `received`; undefined: more to come. Throws for what can be no frame. */
  readonly frameLength: (received: Buffer) => number | undefined
}

/** What is waiting to be read beyond this makes the other side wait. */
const highWaterBytes = 1_048_576

/** All methods reject with an Error when the connection breaks or the time is over; then it is closed. */
export class FramedStream {
  readonly #socket: Socket
  readonly #options: FramedStreamOptions
  #received: Buffer = Buffer.alloc(0)
  #waiting: PromiseWithResolvers<void> | undefined
  #failure: Error | undefined

  private constructor(socket: Socket, options: FramedStreamOptions) {
    this.#socket = socket
    this.#options = options
    socket.setTimeout(0)
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    socket.on('error', (error) => this.#fail(error))
    socket.on('close', () => this.#fail(new Error('connection closed')))
    socket.on('drain', () => this.#wake())
  }

  static open(options: FramedStreamOptions): Promise<FramedStream> {
    const { address, connectTimeoutMs } = options
    const socket =
      address.kind === 'unix'
        ? createConnection(address.path)
        : createConnection({ host: address.host, port: address.port, noDelay: true })
    const opened = Promise.withResolvers<FramedStream>()
    const failed = (error: Error): void => {
      socket.destroy()
      opened.reject(error)
    }
    const timer = setTimeout(() => failed(new Error('Connection timed out')), connectTimeoutMs)
    socket.once('error', failed)
    socket.once('connect', () => {
      clearTimeout(timer)
      socket.off('error', failed)
      opened.resolve(new FramedStream(socket, options))
    })
    return opened.promise.finally(() => clearTimeout(timer))
  }

  get usable(): boolean {
    return this.#failure === undefined
  }

  /** What came and was not asked for yet. */
  get unreadBytes(): number {
    return this.#received.length
  }

  /** Resolves when there is room for more. */
  async write(octets: Uint8Array, timeoutMs: number): Promise<void> {
    this.#mustStand()
    if (this.#socket.write(octets)) return
    const endMs = performance.now() + timeoutMs
    while (this.#socket.writableNeedDrain) await this.#wait(endMs)
  }

  /** The next frame. */
  async read(timeoutMs: number): Promise<Buffer> {
    const endMs = performance.now() + timeoutMs
    for (;;) {
      const length = this.#frameLength()
      if (length !== undefined) return this.#cut(length)
      this.#mustStand()
      await this.#wait(endMs)
    }
  }

  /** What was written goes out; nothing is read any more. */
  end(octets?: Uint8Array): void {
    this.#failure ??= new Error('connection closed')
    // One that reads nothing would keep it open for ever.
    this.#socket.setTimeout(10_000, () => this.#socket.destroy())
    if (octets === undefined) this.#socket.end()
    else this.#socket.end(octets)
    this.#socket.resume()
    this.#socket.unref()
  }

  destroy(): void {
    this.#fail(new Error('connection closed'))
  }

  #frameLength(): number | undefined {
    try {
      const length = this.#options.frameLength(this.#received)
      return length === undefined || length > this.#received.length ? undefined : length
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)))
      throw error
    }
  }

  #cut(length: number): Buffer {
    const frame = this.#received.subarray(0, length)
    this.#received = this.#received.subarray(length)
    if (this.#received.length < highWaterBytes && this.#socket.isPaused()) this.#socket.resume()
    return frame
  }

  #take(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk])
    if (this.#received.length >= highWaterBytes && this.#frameLengthQuietly() !== undefined)
      this.#socket.pause()
    this.#wake()
  }

  #frameLengthQuietly(): number | undefined {
    try {
      return this.#frameLength()
    } catch {
      return undefined
    }
  }

  #mustStand(): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  async #wait(endMs: number): Promise<void> {
    this.#mustStand()
    const waiting = (this.#waiting ??= Promise.withResolvers<void>())
    const timer = setTimeout(
      () => this.#fail(new Error('Connection timed out')),
      Math.max(0, endMs - performance.now()),
    )
    try {
      await waiting.promise
    } finally {
      clearTimeout(timer)
    }
  }

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.resolve()
  }

  #fail(error: Error): void {
    if (this.#failure === undefined) this.#failure = error
    this.#socket.destroy()
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.reject(this.#failure)
  }
}
