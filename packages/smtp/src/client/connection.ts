import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { lostFailure, type SmtpFailure, type Stage, timeoutFailure } from './failure.ts'
import {
  defaultClientTimeouts,
  type SmtpClientOptions,
  type SmtpClientTimeouts,
  type SmtpServerAddress,
} from './options.ts'
import { type RemoteReply, readRemoteReply } from './reply.ts'
import { ReplyReader } from './reply-reader.ts'

export type Told = RemoteReply | SmtpFailure
export const isFailure = (told: Told): told is SmtpFailure => 'kind' in told

/** Replies that are waited for together. */
interface Waiting {
  readonly told: Told[]
  readonly count: number
  readonly stage: () => Stage
  readonly done: (told: Told[]) => void
  timer: NodeJS.Timeout | undefined
}

/** A connection to another server: lines go out, replies come back in order, each step has its time. */
export class RemoteConnection {
  /** `host[address]:port`. */
  readonly remote: string
  /** `host[address]`, as Postfix says it in diagnostics. */
  readonly peer: string
  readonly timeouts: SmtpClientTimeouts
  /** Keywords of the last EHLO, upper case, with what stands after them. */
  extensions: ReadonlyMap<string, string> = new Map()
  /** How the server named itself in its answer to EHLO. */
  heloName = ''
  /** The socket under TLS is a TLSSocket. */
  secure = false
  #socket: Socket | TLSSocket
  #reader = new ReplyReader()
  #failed: SmtpFailure | undefined
  #ended = false
  #leaving = false
  /** The server said 421 or spoke out of turn: what it would say next is not to be believed. */
  #spoilt = false
  readonly #waiting: Waiting[] = []

  constructor(server: SmtpServerAddress, options: SmtpClientOptions, socket: Socket) {
    this.timeouts = { ...defaultClientTimeouts, ...options.timeouts }
    this.peer = `${server.host}[${server.address}]`
    this.remote = server.port === 0 ? this.peer : `${this.peer}:${server.port}`
    this.#socket = socket
    this.attach(socket)
  }

  get socket(): Socket | TLSSocket {
    return this.#socket
  }

  /** Whether the server may still be used. */
  get usable(): boolean {
    return (
      !this.#ended && !this.#leaving && !this.#spoilt && this.#socket.writable && this.#waiting.length === 0
    )
  }

  has(extension: string): boolean {
    return this.extensions.has(extension)
  }

  /** Whether octets came that belong to no reply asked for: behind the answer to STARTTLS they are forged. */
  get unread(): boolean {
    return this.#reader.pending || this.#spoilt
  }

  /** Begins to listen: on the plain socket, or on the one that TLS has made of it. */
  attach(socket: Socket | TLSSocket): void {
    this.#socket = socket
    this.#reader = new ReplyReader()
    socket.on('data', this.#onData)
    socket.on('end', this.#onOver)
    socket.on('close', this.#onOver)
    socket.on('error', this.#onOver)
  }

  /** Stops listening: the socket is about to become the lower half of TLS. */
  detach(): void {
    const socket = this.#socket
    socket.off('data', this.#onData)
    socket.off('end', this.#onOver)
    socket.off('close', this.#onOver)
    socket.off('error', this.#onOver)
    socket.on('error', () => undefined)
  }

  readonly #onData = (chunk: Buffer): void => {
    const replies = this.#reader.push(chunk)
    if (replies === 'too-long') this.#over()
    else for (const raw of replies) this.#take(raw)
  }

  readonly #onOver = (): void => {
    this.#over()
  }

  #take(raw: string): void {
    const waiting = this.#waiting[0]
    if (waiting === undefined) {
      this.#spoilt = true
      return
    }
    const reply = readRemoteReply(raw)
    if (reply.code === 421) this.#spoilt = true
    waiting.told.push(reply)
    if (waiting.told.length < waiting.count) return
    this.#waiting.shift()
    clearTimeout(waiting.timer)
    waiting.done(waiting.told)
  }

  /** Waits for replies; a failure takes the place of those that do not come. */
  #await(count: number, stage: () => Stage, timeoutMs: number): { all: Promise<Told[]>; waiting: Waiting } {
    let done: (told: Told[]) => void = () => {}
    const all = new Promise<Told[]>((resolve) => {
      done = resolve
    })
    const waiting: Waiting = { told: [], count, stage, done, timer: undefined }
    if (this.#ended) {
      this.#fail(waiting, this.#failed ?? lostFailure(this.peer, stage()))
    } else {
      this.#waiting.push(waiting)
      if (timeoutMs > 0) this.#limit(waiting, timeoutMs)
    }
    return { all, waiting }
  }

  #limit(waiting: Waiting, timeoutMs: number): void {
    clearTimeout(waiting.timer)
    waiting.timer = setTimeout(() => {
      this.#failed = timeoutFailure(this.peer, waiting.stage())
      this.#over()
    }, timeoutMs)
  }

  #fail(waiting: Waiting, failure: SmtpFailure): void {
    clearTimeout(waiting.timer)
    while (waiting.told.length < waiting.count) waiting.told.push(failure)
    waiting.done(waiting.told)
  }

  #over(): void {
    this.#ended = true
    for (const waiting of this.#waiting.splice(0)) {
      this.#failed ??= lostFailure(this.peer, waiting.stage())
      this.#fail(waiting, this.#failed)
    }
    this.#socket.destroy()
  }

  /** Sends lines in one write; one reply for each. `stages` names what each line is about, its last one the rest too. */
  commands(lines: readonly string[], timeoutMs: number, stages: readonly Stage[]): Promise<Told[]> {
    const { all, waiting } = this.#await(
      lines.length,
      () => stages[Math.min(waiting.told.length, stages.length - 1)] ?? 'sending MAIL FROM',
      timeoutMs,
    )
    if (!this.#ended) this.#socket.write(`${lines.join('\r\n')}\r\n`)
    return all
  }

  async command(line: string, timeoutMs: number, stage: Stage): Promise<Told> {
    return (await this.commands([line], timeoutMs, [stage]))[0] ?? lostFailure(this.peer, stage)
  }

  /** The next reply, to nothing we said: the greeting. */
  async reply(timeoutMs: number, stage: Stage): Promise<Told> {
    return (await this.#await(1, () => stage, timeoutMs).all)[0] ?? lostFailure(this.peer, stage)
  }

  /** The next replies, to content that is sent meanwhile by `feed`. */
  replies(count: number): {
    readonly all: Promise<Told[]>
    readonly stage: (stage: Stage, timeoutMs: number) => void
  } {
    let name: Stage = 'sending message body'
    const { all, waiting } = this.#await(count, () => name, 0)
    const stage = (next: Stage, timeoutMs: number): void => {
      name = next
      if (waiting.told.length < count && !this.#ended) this.#limit(waiting, timeoutMs)
    }
    return { all, stage }
  }

  /** Content; waits while the socket is full. False: the connection is gone. */
  async feed(chunk: Uint8Array): Promise<boolean> {
    const socket = this.#socket
    if (this.#ended || !socket.writable) return false
    if (socket.write(chunk)) return true
    return new Promise((resolve) => {
      const done = (): void => {
        socket.off('drain', done)
        socket.off('close', done)
        resolve(!this.#ended)
      }
      socket.once('drain', done)
      socket.once('close', done)
    })
  }

  /** Says QUIT and does not wait for the answer. */
  leave(): void {
    if (!this.usable) {
      this.close()
      return
    }
    this.#leaving = true
    const { all, waiting } = this.#await(1, () => 'sending QUIT command', this.timeouts.quitMs)
    waiting.timer?.unref()
    void all.then(() => this.close())
    this.#socket.unref()
    this.#socket.write('QUIT\r\n')
  }

  close(): void {
    this.#over()
  }
}
