import * as net from 'node:net'
import * as tls from 'node:tls'

/** How the client's octets are cut: as the script says, or each on its own. */
export type Cut = 'whole' | 'octets'

/** A client's end of one connection: lines in, octets out. Literals (IMAP) stay in their line. */
export class SessionClient {
  readonly #cut: Cut
  readonly #timeoutMs: number
  readonly #literals: 'literals' | 'lines'
  #socket: net.Socket
  #text = ''
  #wake: (() => void) | undefined
  #sending: Promise<void> = Promise.resolve()
  #ended = false

  private constructor(socket: net.Socket, options: ClientOptions) {
    this.#socket = socket
    this.#cut = options.cut
    this.#timeoutMs = options.timeoutMs
    this.#literals = options.literals
    this.#listen(socket)
  }

  static async connect(port: number, options: ClientOptions): Promise<SessionClient> {
    const socket = net.connect({ host: '127.0.0.1', port, noDelay: true })
    const client = new SessionClient(socket, options)
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', () => resolve())
      socket.once('error', reject)
    })
    return client
  }

  /** Octets in order; the promise is for whoever wants to know that they are out. */
  send(octets: Buffer): Promise<void> {
    this.#sending = this.#sending.then(async () => {
      if (this.#cut === 'whole' || octets.length > 20_000) this.#socket.write(octets)
      else
        for (let i = 0; i < octets.length; i++) {
          if (this.#socket.destroyed) return
          await new Promise<void>((resolve) => this.#socket.write(octets.subarray(i, i + 1), () => resolve()))
        }
    })
    return this.#sending
  }

  /** The next line without its CRLF; undefined when the server has closed. @throws Error after the time limit. */
  async line(): Promise<string | undefined> {
    for (;;) {
      const line = this.#takeLine()
      if (line !== undefined) return line
      if (this.#ended) return undefined
      await this.#news()
    }
  }

  /** A line that is already here. */
  #takeLine(): string | undefined {
    let end = this.#text.indexOf('\r\n')
    while (end >= 0 && this.#literals === 'literals') {
      const literal = /\{(\d+)\}$/.exec(this.#text.slice(0, end))
      if (literal === null) break
      const from = end + 2 + Number(literal[1])
      if (this.#text.length < from) return undefined
      end = this.#text.indexOf('\r\n', from)
    }
    if (end < 0) return undefined
    const line = this.#text.slice(0, end)
    this.#text = this.#text.slice(end + 2)
    return line
  }

  get unread(): string {
    return this.#text
  }

  async startTls(): Promise<void> {
    await this.#sending
    this.#socket.removeAllListeners('data')
    this.#socket.removeAllListeners('end')
    const secure = tls.connect({ socket: this.#socket, rejectUnauthorized: false })
    this.#socket = secure
    this.#listen(secure)
    await new Promise<void>((resolve, reject) => {
      secure.once('secureConnect', () => resolve())
      secure.once('error', reject)
      secure.once('close', () => reject(new Error('closed during the TLS handshake')))
    })
  }

  async reset(): Promise<void> {
    await this.#sending
    this.#socket.resetAndDestroy()
  }

  async end(): Promise<void> {
    await this.#sending
    this.#socket.end()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #listen(socket: net.Socket): void {
    socket.on('data', (chunk: Buffer) => {
      this.#text += chunk.toString('latin1')
      this.#wake?.()
    })
    socket.on('error', () => this.#wake?.())
    const over = (): void => {
      this.#ended = true
      this.#wake?.()
    }
    socket.on('end', over)
    socket.on('close', over)
  }

  async #news(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () =>
          reject(new Error(`nothing came for ${this.#timeoutMs} ms; unread: ${JSON.stringify(this.#text)}`)),
        this.#timeoutMs,
      )
      this.#wake = () => {
        clearTimeout(timer)
        this.#wake = undefined
        resolve()
      }
    })
  }
}

export interface ClientOptions {
  readonly cut: Cut
  readonly timeoutMs: number
  readonly literals: 'literals' | 'lines'
}
