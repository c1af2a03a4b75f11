import { connect as connectSocket, type Socket } from 'node:net'
import { chooseClientMechanism } from '@posthorn/sasl'
import SMTPConnection from 'nodemailer/lib/smtp-connection'
import { lostFailure, type SmtpFailure, type Stage, timeoutFailure } from './failure.ts'
import {
  defaultClientTimeouts,
  type SmtpClientOptions,
  type SmtpClientTimeouts,
  type SmtpServerAddress,
} from './options.ts'
import { type RemoteReply, readRemoteReply } from './reply.ts'

export type Told = RemoteReply | SmtpFailure
export const isFailure = (told: Told): told is SmtpFailure => 'kind' in told

/** The part of nodemailer's SMTPConnection that its types leave out and a transaction of our own needs. */
interface Inside {
  readonly _responseActions: ((raw: string) => void)[]
  readonly _responseQueue: readonly string[]
  readonly _supportedExtensions: readonly string[]
  readonly _supportedAuth: readonly string[]
  readonly _maxAllowedSize: number
  _sendCommand(line: string): void
}

const quiet = { logger: false as const, debug: false, transactionLog: false }

/**
 * A connection to another server: nodemailer's SMTPConnection brings it to the point where mail can be
 * sent (greeting, EHLO or HELO, STARTTLS with its traps, AUTH). Its `send` knows one NOTIFY for all
 * recipients and throws; transactions are therefore ours, over its command queue.
 */
export class RemoteConnection extends SMTPConnection {
  /** `host[address]:port`. */
  readonly remote: string
  /** `host[address]`, as Postfix says it in diagnostics. */
  readonly peer: string
  readonly timeouts: SmtpClientTimeouts
  #failed: SmtpFailure | undefined
  #ended = false
  #waiting: ((failure: SmtpFailure | undefined) => void) | undefined

  constructor(server: SmtpServerAddress, options: SmtpClientOptions, socket: Socket) {
    const timeouts = { ...defaultClientTimeouts, ...options.timeouts }
    super({
      ...quiet,
      host: server.host,
      port: server.port || 24,
      connection: socket,
      secure: options.wrapperMode === true,
      name: options.heloName,
      lmtp: options.protocol === 'lmtp',
      ignoreTLS: options.tlsLevel === 'none',
      opportunisticTLS: options.tlsLevel === 'may',
      requireTLS: options.tlsLevel === 'encrypt' || options.tlsLevel === 'verify',
      connectionTimeout: timeouts.heloMs * 3,
      greetingTimeout: timeouts.heloMs,
      // Each step has its own limit below; this is the last resort.
      socketTimeout: 2 * Math.max(timeouts.heloMs, timeouts.dataDoneMs, timeouts.dataXferMs),
      maxResponseSize: 65_536,
      socketCloseTimeout: timeouts.quitMs,
      tls: { ...options.tls, rejectUnauthorized: options.tlsLevel === 'verify' },
    })
    this.timeouts = timeouts
    this.peer = `${server.host}[${server.address}]`
    this.remote = server.port === 0 ? this.peer : `${this.peer}:${server.port}`
    this.on('end', () => this.#over())
  }

  /**
   * SMTPConnection takes one reply a turn of the event loop; a server that answers a pipelined group and hangs up
   * would have its last words lost. All that is there is taken at once.
   */
  _processResponse(): void {
    for (let left = Number.POSITIVE_INFINITY; this.inside._responseQueue.length < left; ) {
      left = this.inside._responseQueue.length
      takeOneReply.call(this)
    }
  }

  get inside(): Inside {
    return this as unknown as Inside
  }

  get socket(): Socket | undefined {
    return this._socket === false || this._socket === null ? undefined : this._socket
  }

  /** Whether the server may still be used. */
  get usable(): boolean {
    const { socket } = this
    return !this.#ended && socket?.writable === true && this.#waiting === undefined
  }

  has(extension: string): boolean {
    return this.inside._supportedExtensions.includes(extension)
  }

  /** Greeting to AUTH. */
  async handshake(options: SmtpClientOptions): Promise<SmtpFailure | undefined> {
    let timer: NodeJS.Timeout | undefined
    const failure = await new Promise<SmtpFailure | undefined>((resolve) => {
      // SMTPConnection has no limit for EHLO: half a reply, or one in drops, would be waited for without end.
      const late = (): void => resolve(timeoutFailure(this.peer, helloStage(options)))
      timer = setTimeout(late, this.timeouts.heloMs * 3)
      this.once('error', (error: ConnectError) => resolve(handshakeFailure(this, error, options)))
      this.once('end', () =>
        setImmediate(() => resolve(lostFailure(this.peer, 'performing the EHLO handshake'))),
      )
      this.connect((error) => resolve(error == null ? undefined : handshakeFailure(this, error, options)))
    })
    clearTimeout(timer)
    // Later errors end the connection; what waited is told by 'end'.
    this.on('error', () => undefined)
    if (failure !== undefined) {
      this.close()
      return failure
    }
    return this.#ourselves(options) ?? (options.login === undefined ? undefined : this.#login(options.login))
  }

  /** A server with our own name is us: the mail would come round for ever. Postfix finds it the same way. */
  #ourselves({ heloName, protocol }: SmtpClientOptions): SmtpFailure | undefined {
    const name = /^2\d\d[ -]([^\s]+)/.exec(this.lastServerResponse || '')?.[1]
    if (protocol === 'lmtp' || name?.toLowerCase() !== heloName.toLowerCase()) return undefined
    const text = `mail loops back to myself: host ${this.peer} replied to HELO/EHLO with my own hostname ${name}`
    return { kind: 'capability', status: '5.4.6', text }
  }

  #login(login: NonNullable<SmtpClientOptions['login']>): Promise<SmtpFailure | undefined> {
    const plaintext = this.secure || login.plaintext === 'allowed' ? 'allowed' : 'refused'
    const mechanism = chooseClientMechanism(this.inside._supportedAuth, plaintext)
    if (mechanism === undefined) {
      const text = `SASL authentication failed; cannot authenticate to server ${this.peer}: no mechanism available`
      return Promise.resolve({ kind: 'auth', status: '4.7.0', text })
    }
    return new Promise((resolve) => {
      const stop = this.#limit(this.timeouts.heloMs, () => 'performing SASL authentication', resolve)
      this.login({ user: login.user, pass: login.password, method: mechanism.name }, (error) => {
        stop()
        resolve(error == null ? undefined : authFailure(this.peer, (error as ConnectError).response))
      })
    })
  }

  /**
   * Sends lines in one write; one reply for each. A failure takes the place of what did not come. `stages` names
   * what each line is about, its last one the lines after it too.
   */
  commands(lines: readonly string[], timeoutMs: number, stages: readonly Stage[]): Promise<Told[]> {
    const stage = (): Stage => stages[Math.min(told.length, stages.length - 1)] ?? 'sending MAIL FROM'
    const told: Told[] = []
    return new Promise((resolve) => {
      const stop = this.#limit(timeoutMs, stage, (failure) => {
        while (told.length < lines.length) told.push(failure)
        resolve(told)
      })
      if (this.#failed !== undefined) return
      for (const _ of lines) {
        this.inside._responseActions.push((raw) => {
          told.push(readRemoteReply(raw))
          if (told.length < lines.length) return
          stop()
          resolve(told)
        })
      }
      if (lines.length > 0) this.inside._sendCommand(lines.join('\r\n'))
    })
  }

  async command(line: string, timeoutMs: number, stage: Stage): Promise<Told> {
    return (await this.commands([line], timeoutMs, [stage]))[0] ?? lostFailure(this.peer, stage)
  }

  /** The next replies, to content that is sent meanwhile by `feed`. */
  replies(count: number): {
    readonly all: Promise<Told[]>
    readonly stage: (stage: Stage, timeoutMs: number) => void
  } {
    const told: Told[] = []
    let stop = () => {}
    let fail: (failure: SmtpFailure) => void = () => {}
    const all = new Promise<Told[]>((resolve) => {
      fail = (failure) => {
        while (told.length < count) told.push(failure)
        resolve(told)
      }
      for (let i = 0; i < count; i++) {
        this.inside._responseActions.push((raw) => {
          told.push(readRemoteReply(raw))
          if (told.length < count) return
          stop()
          resolve(told)
        })
      }
    })
    const stage = (name: Stage, timeoutMs: number): void => {
      stop()
      if (told.length < count) stop = this.#limit(timeoutMs, () => name, fail)
    }
    return { all, stage }
  }

  /** Content; waits while the socket is full. False: the connection is gone. */
  async feed(chunk: Uint8Array): Promise<boolean> {
    const { socket } = this
    if (this.#ended || socket === undefined || !socket.writable) return false
    if (socket.write(chunk)) return true
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
    this.quit()
    const timer = setTimeout(() => this.close(), this.timeouts.quitMs)
    timer.unref()
    this.once('end', () => clearTimeout(timer))
  }

  /** Calls `fail` when the time is over or the connection ends. Returns the way to call it off. */
  #limit(timeoutMs: number, stage: () => Stage, fail: (failure: SmtpFailure) => void): () => void {
    const stop = (): void => {
      clearTimeout(timer)
      this.#waiting = undefined
    }
    const end = (failure: SmtpFailure): void => {
      stop()
      this.#failed = failure
      fail(failure)
      this.close()
    }
    const timer = setTimeout(() => end(timeoutFailure(this.peer, stage())), timeoutMs)
    this.#waiting = () => end(lostFailure(this.peer, stage()))
    if (this.#ended) end(this.#failed ?? lostFailure(this.peer, stage()))
    return stop
  }

  #over(): void {
    this.#ended = true
    // Replies that came with the end of the connection are handed over first.
    setImmediate(() => this.#waiting?.(undefined))
  }
}

const takeOneReply = (SMTPConnection.prototype as unknown as { _processResponse(): void })._processResponse

interface ConnectError extends Error {
  readonly code?: string | undefined
  readonly command?: string | undefined
  readonly response?: string | undefined
  readonly timeoutType?: string | undefined
}

const authFailure = (peer: string, response: string | undefined): SmtpFailure => {
  if (response === undefined) return lostFailure(peer, 'performing SASL authentication')
  const reply = readRemoteReply(response)
  const text = `SASL authentication failed; server ${peer} said: ${reply.text}`
  // Postfix: smtp_sasl_auth_soft_bounce: a wrong password is the administrator's to mend, not the sender's.
  return { kind: 'auth', status: reply.status.replace(/^5/, '4'), text, reply }
}

const helloStage = ({ protocol }: SmtpClientOptions): Stage =>
  protocol === 'lmtp' ? 'performing the LHLO handshake' : 'performing the EHLO handshake'

const handshakeFailure = (
  { peer, upgrading }: RemoteConnection,
  error: ConnectError,
  options: SmtpClientOptions,
): SmtpFailure => {
  const required = options.tlsLevel === 'encrypt' || options.tlsLevel === 'verify'
  if (error.code === 'ETLS' || upgrading || error.timeoutType === 'UPGRADE_TIMEOUT') {
    if (required && error.response !== undefined) {
      const reply = readRemoteReply(error.response)
      const text = `TLS is required, but was not offered by host ${peer}`
      return { kind: 'tls', status: '4.7.4', text, reply }
    }
    return { kind: 'tls', status: '4.7.5', text: `Cannot start TLS: ${error.message}` }
  }
  if (error.response !== undefined) {
    const reply = readRemoteReply(error.response)
    const refusal = { kind: 'reply' as const, status: reply.status, reply }
    return { ...refusal, text: `host ${peer} refused to talk to me: ${reply.text}` }
  }
  const greeted =
    error.timeoutType !== 'GREETING_TIMEOUT' && error.command !== undefined && error.command !== 'CONN'
  const stage: Stage = greeted ? helloStage(options) : 'receiving the initial server greeting'
  return error.code === 'ETIMEDOUT' ? timeoutFailure(peer, stage) : lostFailure(peer, stage)
}

/** An open TCP (or UNIX) connection, or why there is none. */
export const openSocket = (
  server: SmtpServerAddress,
  options: SmtpClientOptions,
): Promise<Socket | SmtpFailure> => {
  const timeoutMs = options.timeouts?.connectMs ?? defaultClientTimeouts.connectMs
  const place = `${server.host}[${server.address}]${server.port === 0 ? '' : `:${server.port}`}`
  const refused = (why: string): SmtpFailure => ({
    kind: 'connect',
    status: '4.4.1',
    text: `connect to ${place}: ${why}`,
  })
  return new Promise((resolve) => {
    const { localAddress } = options
    const socket = connectSocket(
      server.port === 0
        ? { path: server.address }
        : {
            host: server.address,
            port: server.port,
            ...(localAddress === undefined ? {} : { localAddress }),
          },
    )
    const timer = setTimeout(() => {
      socket.destroy()
      resolve(refused('Connection timed out'))
    }, timeoutMs)
    const failed = (error: Error & { code?: string }): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(refused(systemWords[error.code ?? ''] ?? error.message))
    }
    socket.once('error', failed)
    socket.once('connect', () => {
      clearTimeout(timer)
      socket.off('error', failed)
      socket.setNoDelay(true)
      resolve(socket)
    })
  })
}

const systemWords: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Connection refused',
  ETIMEDOUT: 'Connection timed out',
  EHOSTUNREACH: 'No route to host',
  ENETUNREACH: 'Network is unreachable',
  ECONNRESET: 'Connection reset by peer',
  ENOENT: 'No such file or directory',
  EACCES: 'Permission denied',
  EADDRNOTAVAIL: 'Cannot assign requested address',
}
