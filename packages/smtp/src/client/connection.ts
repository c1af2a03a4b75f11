import { createRequire } from 'node:module'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { AwaitedReplies, type Limit, type Told } from './awaited-replies.ts'
import { lostFailure, type SmtpFailure, type Stage, timeoutFailure } from './failure.ts'
import { type Opening, openingOf } from './opening.ts'
import {
  defaultClientTimeouts,
  type PixWorkarounds,
  type SmtpClientOptions,
  type SmtpClientTimeouts,
  type SmtpServerAddress,
} from './options.ts'
import type { RemoteTls } from './start-tls.ts'

// Its ES module would load undici, as smtp-server's does (smtp-server.ts).
const SMTPConnection = createRequire(import.meta.url)(
  'nodemailer/lib/smtp-connection',
) as typeof import('nodemailer/lib/smtp-connection').default

/** A command, and what bounds its reply. */
export interface Step extends Limit {
  readonly line: string
}

/** The part of nodemailer's SMTPConnection that its types leave out and a transaction of our own needs. */
interface Inside {
  readonly _responseActions: ((raw: string) => void)[]
  readonly _responseQueue: string[]
  readonly _remainder: string
  _sendCommand(line: string): void
  _onError(error: Error, type: string, response: string | false, command: string): void
}

/** Methods that nodemailer calls on itself, with what stands in its prototype. */
interface Steps {
  _processResponse(): void
  _actionGreeting(text: string): void
  _actionEHLO(text: string): void
  _actionHELO(text: string): void
  _actionSTARTTLS(text: string): void
  _upgradeConnection(done: (error?: Error | null, secured?: boolean) => void): void
}
const inherited = SMTPConnection.prototype as unknown as Steps

/** A last resort behind limits of our own for each step. */
const longestMs = 24 * 3600 * 1000

/**
 * A connection to another server: nodemailer's SMTPConnection brings it to the point where mail can be sent
 * (greeting, EHLO or HELO, STARTTLS with its traps); `Opening` says what must hold at each step of it. Its `send`
 * knows one NOTIFY for all recipients and throws; transactions are therefore ours, over its queue of reply handlers.
 */
export class RemoteConnection extends SMTPConnection {
  /** `host[address]:port`. */
  readonly remote: string
  /** `host[address]`, as Postfix says it in diagnostics. */
  readonly peer: string
  readonly timeouts: SmtpClientTimeouts
  readonly #opening: Opening
  readonly #replyFilter: SmtpClientOptions['replyFilter']
  #failed: SmtpFailure | undefined
  #ended = false
  #leaving = false
  #waiting: AwaitedReplies | undefined

  constructor(server: SmtpServerAddress, options: SmtpClientOptions, socket: Socket) {
    const timeouts = { ...defaultClientTimeouts, ...options.timeouts }
    const opening = openingOf(server, options)
    super({
      logger: false,
      debug: false,
      transactionLog: false,
      host: server.host,
      port: server.port || 24,
      connection: socket,
      secure: options.wrapperMode === true,
      name: options.heloName,
      lmtp: options.protocol === 'lmtp',
      ignoreTLS: options.tlsLevel === 'none',
      requireTLS: opening.tlsIsRequired,
      connectionTimeout: longestMs,
      greetingTimeout: longestMs,
      socketTimeout: longestMs,
      maxResponseSize: 65_536,
      socketCloseTimeout: timeouts.quitMs,
    })
    this.#opening = opening
    this.#replyFilter = options.replyFilter
    this.timeouts = timeouts
    this.peer = `${server.host}[${server.address}]`
    this.remote = server.port === 0 ? this.peer : `${this.peer}:${server.port}`
    this.on('end', () => this.#over())
  }

  get #inside(): Inside {
    return this as unknown as Inside
  }

  /** Keywords of the last EHLO, upper case, with what stands after them. */
  get extensions(): ReadonlyMap<string, string> {
    return this.#opening.extensions
  }

  /** How the server named itself in its answer to EHLO. */
  get heloName(): string {
    return this.#opening.heloName
  }

  /** undefined: no firewall that garbles greetings. */
  get pix(): PixWorkarounds | undefined {
    return this.#opening.pix
  }

  /** undefined: in the clear. */
  get tls(): RemoteTls | undefined {
    return this.#opening.tls
  }

  /** Whether the server may still be used. */
  get usable(): boolean {
    return !this.#ended && !this.#leaving && this.#socket?.writable === true && this.#waiting === undefined
  }

  has(extension: string): boolean {
    return this.extensions.has(extension)
  }

  get #socket(): Socket | TLSSocket | undefined {
    return this._socket === false || this._socket === null ? undefined : this._socket
  }

  /** Greeting to the last EHLO. undefined: ready. */
  async open(): Promise<SmtpFailure | undefined> {
    const failure = await new Promise<SmtpFailure | undefined>((resolve) => {
      const failed = (error?: Error | null) =>
        resolve(error == null ? undefined : this.#opening.failure(this.peer, error))
      this.once('error', failed)
      this.once('end', () => setImmediate(() => resolve(lostFailure(this.peer, this.#opening.stage))))
      this.#step(
        this.secureConnection ? 'performing the TLS handshake' : 'receiving the initial server greeting',
      )
      this.connect(failed)
    })
    clearTimeout(this.#stepTimer)
    // Later errors end the connection; what waited is told by 'end'.
    this.on('error', () => undefined)
    if (failure !== undefined) this.close()
    return failure
  }

  // Steps of the handshake.

  #stepTimer: NodeJS.Timeout | undefined

  #step(stage: Stage): void {
    this.#opening.stage = stage
    clearTimeout(this.#stepTimer)
    const { heloMs, startTlsMs = heloMs } = this.timeouts
    const limitMs = stage === 'performing the TLS handshake' ? startTlsMs : heloMs
    this.#stepTimer = setTimeout(() => this.#refuse(timeoutFailure(this.peer, stage)), limitMs)
  }

  /** Ends the handshake for a reason of ours. */
  #refuse(failure: SmtpFailure): void {
    this.#opening.refusal = failure
    if (this.#opening.stage !== 'performing the TLS handshake') this.#bye()
    this.#inside._onError(new Error(failure.text), 'EPROTOCOL', false, 'CONN')
  }

  /**
   * SMTPConnection takes one reply a turn of the event loop; a server that answers a pipelined group and hangs up
   * would have its last words lost. All that is there is taken at once.
   */
  _processResponse(): void {
    for (let left = Number.POSITIVE_INFINITY; this.#inside._responseQueue.length < left; ) {
      left = this.#inside._responseQueue.length
      this.#hear()
      inherited._processResponse.call(this)
    }
  }

  /** The reply that is next, as smtp_reply_filter wants it heard. */
  #hear(): void {
    const { _responseQueue: queue } = this.#inside
    const [reply] = queue
    const filter = this.#replyFilter
    if (filter === undefined || reply === undefined) return
    const lines = reply.split('\n').map((line) => filter(line.replace(/\r$/, '')) ?? line)
    queue[0] = lines.join('\n')
  }

  /** RFC 5321 §4.1.1.10: a connection is not closed without QUIT, not even when all that came was a refusal. */
  #bye(): void {
    if (this.#socket?.writable === true) this.#socket.write('QUIT\r\n')
  }

  _actionGreeting(text: string): void {
    this.#opening.greeted(text)
    if (!text.startsWith('220')) this.#bye()
    else this.#step(this.#opening.helloStage)
    if (!this.#opening.saysHelo || !text.startsWith('220')) {
      inherited._actionGreeting.call(this, text)
      return
    }
    this.#inside._responseActions.push((reply) => this._actionHELO(reply))
    this.#inside._sendCommand(`HELO ${this.#opening.ownName}`)
  }

  _actionEHLO(text: string): void {
    if (!text.startsWith('2')) this.#step('performing the HELO handshake')
    const seen = this.#opening.hello(text)
    const refusal = this.#opening.unfitForTls(this.peer, this.secure)
    if (refusal !== undefined) this.#refuse(refusal)
    else inherited._actionEHLO.call(this, seen)
  }

  _actionHELO(text: string): void {
    if (!text.startsWith('2')) this.#bye()
    this.#opening.hello(text.split('\n', 1)[0] as string)
    inherited._actionHELO.call(this, text)
  }

  _actionSTARTTLS(text: string): void {
    this.#step('performing the TLS handshake')
    inherited._actionSTARTTLS.call(this, text)
  }

  /** What came in the clear behind the answer to STARTTLS is forged, and the certificate counts before EHLO. */
  _upgradeConnection(done: (error?: Error | null, secured?: boolean) => void): void {
    if (this.#inside._remainder !== '' || this.#inside._responseQueue.length > 0) {
      this.#refuse({
        kind: 'tls',
        status: '4.7.5',
        text: `Cannot start TLS: host ${this.peer} sent more than its answer`,
      })
      return
    }
    this.options.tls = this.#opening.tlsOptions()
    inherited._upgradeConnection.call(this, (error, secured) => {
      const refusal = error == null ? this.#opening.secured(this.#socket as TLSSocket) : undefined
      if (refusal !== undefined) {
        this.#refuse(refusal)
        return
      }
      this.#step(this.#opening.helloStage)
      done(error, secured)
    })
  }

  // Commands and replies.

  /** Sends lines in one write; one reply for each, and for each its time. */
  async commands(steps: readonly Step[]): Promise<Told[]> {
    const waiting = this.#await(steps.length)
    waiting.limit((told) => steps[told] as Step)
    if (!this.#ended) this.#inside._sendCommand(steps.map(({ line }) => line).join('\r\n'))
    return waiting.all
  }

  async command(line: string, timeoutMs: number, stage: Stage): Promise<Told> {
    return (await this.commands([{ line, timeoutMs, stage }]))[0] ?? lostFailure(this.peer, stage)
  }

  /** The next replies, to content that is sent meanwhile by `feed`. */
  replies(count: number): {
    readonly all: Promise<Told[]>
    readonly stage: (stage: Stage, timeoutMs: number) => void
  } {
    const waiting = this.#await(count)
    const stage = (stage: Stage, timeoutMs: number): void => waiting.limit(() => ({ stage, timeoutMs }))
    return { all: waiting.all, stage }
  }

  #await(count: number): AwaitedReplies {
    const waiting: AwaitedReplies = new AwaitedReplies(count, this.peer, {
      ended: () => (this.#ended ? (this.#failed ?? 'lost') : undefined),
      over: (failure) => {
        if (this.#waiting === waiting) this.#waiting = undefined
        if (failure !== undefined) this.#failed ??= failure
        if (failure?.kind === 'timeout') this.close()
      },
    })
    if (count > 0) this.#waiting = waiting
    const take = (raw: string): void => waiting.take(raw)
    if (!this.#ended) for (let i = 0; i < count; i++) this.#inside._responseActions.push(take)
    return waiting
  }

  /** Content, in one write; waits while the socket is full. False: the connection is gone. */
  feed(pieces: readonly Uint8Array[]): Promise<boolean> | boolean {
    const socket = this.#socket
    if (this.#ended || socket === undefined || !socket.writable) return false
    socket.cork()
    let hasRoom = true
    for (const piece of pieces) hasRoom = socket.write(piece)
    socket.uncork()
    // What was corked counts as waiting until the write is over.
    if (hasRoom || socket.writableLength < socket.writableHighWaterMark) return true
    return new Promise((resolve) => {
      const done = (): void => {
        socket.off('drain', done)
        socket.off('close', done)
        this.off('end', done)
        resolve(!this.#ended)
      }
      socket.once('drain', done)
      socket.once('close', done)
      this.once('end', done)
    })
  }

  /** Says QUIT and does not wait for the answer. */
  leave(): void {
    if (!this.usable) {
      this.close()
      return
    }
    this.#leaving = true
    this.#socket?.unref()
    this.quit()
    const timer = setTimeout(() => this.close(), this.timeouts.quitMs)
    timer.unref()
    this.once('end', () => clearTimeout(timer))
  }

  #over(): void {
    this.#ended = true
    clearTimeout(this.#stepTimer)
    // Replies that came with the end of the connection are handed over first.
    setImmediate(() => this.#waiting?.lost(this.#failed))
  }
}
