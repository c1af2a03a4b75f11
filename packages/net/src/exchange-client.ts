/**
 * Questions to a service on a Unix socket or a TCP port that answers each before it takes the next, over
 * connections that are kept: policy services, table servers.
 */
import { createConnection, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

export type ServiceAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'inet'; readonly host: string; readonly port: number }

export interface ExchangeOptions {
  readonly address: ServiceAddress
  /** For one answer, the connection and the wait for a free one included. */
  readonly timeoutMs: number
  /** A connection unused for so long is closed. */
  readonly maxIdleMs: number
  /** A connection is used no longer than this. */
  readonly maxAgeMs: number
  /** A connection takes no more questions than this; 0 or undefined: no limit. */
  readonly maxQuestions?: number
  /** How often a question is put when connections fail. */
  readonly tries: number
  readonly retryDelayMs: number
  /** At once; further questions wait. */
  readonly maxConnections?: number
  readonly maxAnswerBytes?: number
  /** Octets of the first whole answer in `received`; undefined: more to come. */
  readonly answerLength: (received: Buffer) => number | undefined
}

const defaultMaxConnections = 50
const defaultMaxAnswerBytes = 65_536

/** One service. Connections are made when there is something to ask, and do not keep the process alive. */
export class ExchangeClient {
  readonly #options: ExchangeOptions
  readonly #idle: Line[] = []
  readonly #waiting: { readonly go: () => void }[] = []
  #busy = 0
  #closed = false

  constructor(options: ExchangeOptions) {
    this.#options = options
  }

  /** Rejects when there is no answer in time, or no service. */
  async ask(question: Uint8Array): Promise<Buffer> {
    const { timeoutMs, tries, retryDelayMs } = this.#options
    const deadline = AbortSignal.timeout(timeoutMs)
    await this.#turn(deadline)
    try {
      for (let attempt = 1; ; attempt++) {
        const line = this.#take()
        const kept = line.answered > 0
        try {
          const answer = await line.ask(question, deadline)
          this.#keep(line)
          return answer
        } catch (error) {
          line.close()
          if (deadline.aborted || attempt >= tries || this.#closed) throw error
          // The service may have closed a kept connection just now; a new one deserves no pause.
          if (!kept) await delay(retryDelayMs, undefined, { signal: deadline, ref: false })
        }
      }
    } finally {
      // A turn is handed on, so that nobody slips in between.
      const next = this.#waiting.shift()
      if (next === undefined) this.#busy--
      else next.go()
    }
  }

  close(): void {
    this.#closed = true
    for (const line of this.#idle.splice(0)) line.close()
  }

  async #turn(deadline: AbortSignal): Promise<void> {
    if (this.#busy < (this.#options.maxConnections ?? defaultMaxConnections)) {
      this.#busy++
      return
    }
    const turn = Promise.withResolvers<void>()
    const waiter = { go: turn.resolve }
    const late = (): void => {
      const place = this.#waiting.indexOf(waiter)
      if (place === -1) return
      this.#waiting.splice(place, 1)
      turn.reject(timedOut(this.#options.address))
    }
    this.#waiting.push(waiter)
    deadline.addEventListener('abort', late, { once: true })
    await turn.promise
    deadline.removeEventListener('abort', late)
  }

  #take(): Line {
    for (;;) {
      const line = this.#idle.pop()
      if (line === undefined) return new Line(this.#options)
      if (line.isUsable()) return line
      line.close()
    }
  }

  #keep(line: Line): void {
    if (this.#closed || !line.isUsable()) line.close()
    else {
      line.rest()
      this.#idle.push(line)
    }
  }
}

/** One connection, with one question under way at most. */
class Line {
  readonly #socket: Socket
  readonly #options: ExchangeOptions
  readonly #openedMs = performance.now()
  #received: Buffer = Buffer.alloc(0)
  #asked: PromiseWithResolvers<Buffer> | undefined
  #usable = true
  answered = 0

  constructor(options: ExchangeOptions) {
    this.#options = options
    const { address } = options
    this.#socket =
      address.kind === 'unix'
        ? createConnection(address.path)
        : createConnection({ host: address.host, port: address.port, noDelay: true })
    this.#socket.on('timeout', () => this.close())
    this.#socket.on('data', (chunk) => this.#data(chunk))
    this.#socket.on('error', (error) => this.#fail(error))
    this.#socket.on('close', () => this.#fail(new Error(`${nameOf(options.address)}: connection closed`)))
  }

  isUsable(): boolean {
    const { maxAgeMs, maxQuestions = 0 } = this.#options
    if (maxQuestions > 0 && this.answered >= maxQuestions) return false
    return this.#usable && performance.now() - this.#openedMs < maxAgeMs
  }

  async ask(question: Uint8Array, deadline: AbortSignal): Promise<Buffer> {
    const late = (): void => this.#fail(timedOut(this.#options.address))
    this.#asked = Promise.withResolvers()
    deadline.addEventListener('abort', late, { once: true })
    this.#socket.ref()
    this.#socket.setTimeout(0)
    if (this.#usable) this.#socket.write(question)
    else late()
    try {
      return await this.#asked.promise
    } finally {
      deadline.removeEventListener('abort', late)
    }
  }

  rest(): void {
    this.#socket.unref()
    this.#socket.setTimeout(this.#options.maxIdleMs)
  }

  close(): void {
    this.#usable = false
    this.#socket.destroy()
  }

  #data(chunk: Buffer): void {
    // What was not asked for would be taken for the next answer.
    if (this.#asked === undefined) {
      this.close()
      return
    }
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk])
    const length = this.#options.answerLength(this.#received)
    if (length === undefined) {
      const limit = this.#options.maxAnswerBytes ?? defaultMaxAnswerBytes
      if (this.#received.length > limit)
        this.#fail(new Error(`${nameOf(this.#options.address)}: answer too long`))
      return
    }
    const answer = this.#received.subarray(0, length)
    if (this.#received.length > length) this.#usable = false
    this.#received = Buffer.alloc(0)
    this.answered++
    this.#asked.resolve(answer)
    this.#asked = undefined
  }

  #fail(error: Error): void {
    this.close()
    this.#asked?.reject(error)
    this.#asked = undefined
  }
}

const nameOf = (address: ServiceAddress): string =>
  address.kind === 'unix' ? `unix:${address.path}` : `inet:${address.host}:${address.port}`

const timedOut = (address: ServiceAddress): Error => new Error(`${nameOf(address)}: timed out`)
