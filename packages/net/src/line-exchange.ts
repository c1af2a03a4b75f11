import { createConnection, type Socket } from 'node:net'

/** What the last line of a reply begins with is looked for here: no status line is longer. */
const tailBytes = 1_024
const lf = 10
const nothing: Buffer = Buffer.alloc(0)

/**
 * A client's side that sends whole batches and looks at nothing but the last line of what comes back: a
 * conversation that is repeated thousands of times. Every wait is bounded.
 */
export class LineExchange {
  readonly #socket: Socket
  readonly #timeoutMs: number
  #tail = nothing
  #waiting: { readonly prefix: string; readonly done: PromiseWithResolvers<void> } | undefined
  #fault: Error | undefined

  private constructor(socket: Socket, timeoutMs: number) {
    this.#socket = socket
    this.#timeoutMs = timeoutMs
    socket.on('timeout', () => socket.destroy(new Error(`no answer in ${timeoutMs} ms`)))
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    socket.on('error', (error) => this.#fail(error))
    socket.on('close', () => this.#fail(new Error('connection closed')))
  }

  /** @param at `timeoutMs`: for the connection to stand, and then for each reply */
  static async open(at: {
    readonly host: string
    readonly port: number
    readonly timeoutMs: number
  }): Promise<LineExchange> {
    const socket = createConnection({ host: at.host, port: at.port, noDelay: true })
    const exchange = new LineExchange(socket, at.timeoutMs)
    const connected = exchange.#wait('')
    socket.once('connect', () => exchange.#heard())
    await connected
    return exchange
  }

  /**
   * Sends and waits until the last whole line of the reply begins with `lastLine`. One at a time; what came
   * before is forgotten. Rejects when the connection is, or goes, away.
   */
  async ask(octets: Uint8Array | string, lastLine: string): Promise<void> {
    if (this.#fault !== undefined) throw this.#fault
    this.#tail = nothing
    const answered = this.#wait(lastLine)
    if (octets.length > 0) this.#socket.write(octets)
    await answered
  }

  close(): void {
    this.#socket.destroy()
  }

  #wait(prefix: string): Promise<void> {
    const done = Promise.withResolvers<void>()
    this.#waiting = { prefix, done }
    this.#socket.setTimeout(this.#timeoutMs)
    return done.promise
  }

  #heard(): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    this.#socket.setTimeout(0)
    waiting?.done.resolve()
  }

  #take(chunk: Buffer): void {
    const whole = this.#tail.length === 0 ? chunk : Buffer.concat([this.#tail, chunk])
    this.#tail = whole.length > tailBytes ? whole.subarray(whole.length - tailBytes) : whole
    const waiting = this.#waiting
    if (waiting === undefined || this.#tail[this.#tail.length - 1] !== lf) return
    const from = this.#tail.lastIndexOf(lf, this.#tail.length - 2) + 1
    if (this.#tail.toString('latin1', from, from + waiting.prefix.length) !== waiting.prefix) return
    this.#heard()
  }

  #fail(error: Error): void {
    this.#fault ??= error
    this.#waiting?.done.reject(this.#fault)
    this.#waiting = undefined
  }
}
