import type { WheelEntry } from '@posthorn/net'
import type { Answer, SmtpHandler, SmtpReply, SmtpSession } from '../handler.ts'
import type { SmtpOptions } from '../options.ts'
import { decodeLine, isForeign, parseCommandLine } from '../wire/command-line.ts'
import { formatReply, reply } from '../wire/reply.ts'
import { Alarm } from './alarm.ts'
import { answerToChallenge } from './auth.ts'
import { type Command, commandTable } from './commands.ts'
import { consumeChunk, consumeData } from './content.ts'
import type { MailTransaction } from './mail-transaction.ts'
import type { Mode } from './mode.ts'

/** What a session needs of its connection. Octets go out in the order of the calls. */
export interface SessionWire {
  write(text: string): void
  /** The handshake; afterwards `secured` or `lost` is called. */
  startTls(): void
  /** Sends what was written, then closes. */
  end(): void
  /** Room for more input again. */
  resume(): void
}

/** What a session needs of its service. */
export interface SessionHost {
  readonly handler: SmtpHandler
  /** Read anew at each use: options may change while sessions go on. */
  readonly options: SmtpOptions
  readonly tlsAvailable: boolean
  /** The service is being closed: the next command is answered 421. */
  readonly closing: boolean
  now(): number
  /** Call when its `dueMs` was set. */
  schedule(alarm: WheelEntry): void
  cancel(alarm: WheelEntry): void
  fault(session: SmtpSession, error: unknown): void
}

const nothing = Buffer.alloc(0)
/** Input kept while the handler is busy, before the client is made to wait. */
const inputHighWaterBytes = 65_536

/** One SMTP or LMTP conversation: octets in, replies out, decisions by the handler. RFC 5321, RFC 2033. */
export class Session {
  readonly peer: SmtpSession
  readonly host: SessionHost
  readonly wire: SessionWire
  mode: Mode = { kind: 'greeting' }
  mail: MailTransaction | undefined
  errors = 0
  #junk = 0
  readonly #counts: Record<string, [number, number]> = {}
  #lastVerb = 'CONNECT'
  /** How the last command line ended: decides about a lone dot at the start of DATA. */
  lineEnd: 'crlf' | 'lf' = 'crlf'
  #input: Buffer = nothing
  #at = 0
  #out = ''
  #busy = false
  #inputEnded = false
  /** The rest of a line that was too long is being thrown away. */
  #skipping = false
  #over = false
  /** When the present content began. */
  #contentMs = 0
  readonly alarm = new Alarm((nowMs) => this.#onDue(nowMs))

  constructor(peer: SmtpSession, host: SessionHost, wire: SessionWire) {
    this.peer = peer
    this.host = host
    this.wire = wire
  }

  get options(): SmtpOptions {
    return this.host.options
  }

  get client(): string {
    return `${this.peer.clientName}[${this.peer.clientAddress}]`
  }

  /** Between transactions, waiting for the client. */
  get idle(): boolean {
    return (
      !this.#busy &&
      this.mail === undefined &&
      (this.mode.kind === 'command' || this.mode.kind === 'greeting')
    )
  }

  /** The service ends: who has no command or message under way is told at once, others at their next command. */
  shutDown(): void {
    const waiting = !this.#busy && (this.mode.kind === 'command' || this.mode.kind === 'greeting')
    if (waiting) this.close(reply(421, '4.3.2', `${this.options.hostname} Service shutting down`))
  }

  /** Says the banner, or why not, and begins to listen. */
  greet(banner: SmtpReply): void {
    if (this.mode.kind !== 'greeting') return
    if (banner.code !== 220) {
      this.close(banner)
      return
    }
    this.mode = { kind: 'command' }
    this.say(banner)
    this.#pump()
  }

  /** Octets from the client. False: wait for `wire.resume`. */
  push(chunk: Buffer): boolean {
    if (this.mode.kind === 'closed' || this.mode.kind === 'handshake') return true
    if (this.#input.length === this.#at) {
      this.#input = chunk
      this.#at = 0
    } else {
      this.#input = Buffer.concat([this.#input.subarray(this.#at), chunk])
      this.#at = 0
    }
    if (this.mode.kind !== 'greeting' && !this.#busy) this.#pump()
    return !this.#mustWait()
  }

  #mustWait(): boolean {
    const waits = this.#busy || this.mode.kind === 'greeting'
    return waits && this.#input.length - this.#at > inputHighWaterBytes
  }

  /** What came before the greeting, for the log; empty for a polite client. */
  get early(): Buffer {
    return this.#input.subarray(this.#at)
  }

  /** The client has closed its sending side: what it already sent is still answered. */
  inputEnded(): void {
    this.#inputEnded = true
    if (!this.#busy && this.mode.kind !== 'greeting') this.#hangUp()
  }

  /** TLS stands: everything known from before is forgotten. RFC 3207 §4.2. */
  secured(tls: NonNullable<SmtpSession['tls']>): void {
    this.peer.tls = tls
    if (this.mode.kind !== 'handshake') return
    this.forget('STARTTLS')
    this.peer.helo = ''
    this.peer.user = undefined
    this.#input = nothing
    this.#at = 0
    this.mode = { kind: 'command' }
    this.#wait()
  }

  say(answer: SmtpReply): void {
    this.#out += formatReply(answer)
  }

  /** Content follows, unless the client has gone meanwhile. */
  expectContent(mode: Extract<Mode, { kind: 'data' | 'chunk' }>): void {
    if (this.mode.kind === 'closed') return
    this.mode = mode
    this.#wait()
    this.#contentMs = this.alarm.dueMs - this.options.commandTimeoutMs
  }

  /** The reply goes out in the clear; what the client sent behind its command is dropped. RFC 3207 §4.2. */
  beginTls(answer: SmtpReply): void {
    this.#count('starttls', true)
    this.say(answer)
    this.#flush()
    this.#input = nothing
    this.#at = 0
    this.mode = { kind: 'handshake' }
    this.alarm.dueMs = this.host.now() + this.options.handshakeTimeoutMs
    this.host.schedule(this.alarm)
    this.wire.startTls()
  }

  countQuit(): void {
    this.#count('quit', true)
  }

  /** The reply is the last one. */
  close(answer?: SmtpReply): void {
    if (this.mode.kind === 'closed') return
    if (answer !== undefined) this.say(answer)
    this.#closed()
    this.#input = nothing
    this.#at = 0
    this.forget('session closed')
    this.#flush()
    this.wire.end()
  }

  /** Ends the transaction without a message. */
  forget(reason: string): Answer<void> {
    const mail = this.mail
    this.mail = undefined
    if (mail === undefined) return
    try {
      const done = mail.abort(reason)
      return done instanceof Promise ? done.catch((error) => this.host.fault(this.peer, error)) : done
    } catch (error) {
      this.host.fault(this.peer, error)
    }
  }

  /** The connection is gone. Called once, whatever happened before. */
  lost(): void {
    if (this.#over) return
    this.#over = true
    if (this.mode.kind !== 'closed') {
      const size = this.mode.kind === 'data' ? ` (${this.mode.reader.sizeBytes} bytes)` : ''
      const after = this.mode.kind === 'handshake' ? 'STARTTLS' : this.#lastVerb
      this.note(`lost connection after ${after}${size} from ${this.client}`)
    }
    this.#closed()
    void this.forget('lost connection')
    try {
      this.host.handler.disconnect(this.peer, this.#counts)
    } catch (error) {
      this.host.fault(this.peer, error)
    }
  }

  #closed(): void {
    if (this.mode.kind === 'data') this.#count('data', false)
    this.mode = { kind: 'closed' }
    this.alarm.silence()
    this.host.cancel(this.alarm)
  }

  note(what: string): void {
    try {
      this.host.handler.note(this.peer, what)
    } catch (error) {
      this.host.fault(this.peer, error)
    }
  }

  #onDue(nowMs: number): void {
    if (this.#busy || this.mode.kind === 'closed') return
    const limit = this.#deadline(nowMs)
    if (limit > nowMs) {
      this.alarm.dueMs = limit
      this.host.schedule(this.alarm)
      return
    }
    this.note(`timeout after ${this.#lastVerb} from ${this.client}`)
    this.close(reply(421, '4.4.2', `${this.options.hostname} Error: timeout exceeded`))
  }

  /** Content that keeps the minimum rate earns time, up to the limit of a transaction. */
  #deadline(nowMs: number): number {
    const { mode, mail } = this
    if (mail === undefined || (mode.kind !== 'data' && mode.kind !== 'chunk')) return nowMs
    const { minDataRate, commandTimeoutMs, transactionTimeoutMs } = this.options
    const sizeBytes = mode.kind === 'data' ? mode.reader.sizeBytes : mode.sizeBytes - mode.left
    const earnedMs = minDataRate > 0 ? (sizeBytes / minDataRate) * 1000 : transactionTimeoutMs
    return Math.min(this.#contentMs + commandTimeoutMs + earnedMs, mail.startedMs + transactionTimeoutMs)
  }

  /** The clock runs until the next command is complete. */
  #wait(): void {
    this.alarm.dueMs = this.host.now() + this.options.commandTimeoutMs
    if (this.alarm.tick === 0) this.host.schedule(this.alarm)
  }

  #flush(): void {
    if (this.#out === '') return
    const out = this.#out
    this.#out = ''
    this.wire.write(out)
  }

  /** Works through the input until it is used up, or a decision must be waited for. */
  #pump(): void {
    const from = this.#at
    while (!this.#busy && this.#at < this.#input.length && this.mode.kind !== 'closed') {
      if (this.mode.kind === 'handshake') {
        this.#at = this.#input.length
        break
      }
      if (this.mode.kind === 'data') {
        const { used, answer } = consumeData(this, this.mode.reader, this.#input, this.#at)
        this.#at = used
        if (answer !== undefined) this.#settle('DATA', answer)
      } else if (this.mode.kind === 'chunk') {
        const { used, answer } = consumeChunk(this, this.mode, this.#input, this.#at)
        this.#at = used
        if (answer !== undefined) this.#settle('BDAT', answer)
      } else if (!this.#nextLine()) break
    }
    const progress = this.#at > from || this.#input.length === 0
    if (this.#at === this.#input.length) {
      this.#input = nothing
      this.#at = 0
    }
    if (this.#busy || this.mode.kind === 'closed') return
    this.#flush()
    // A command line that comes in drops keeps its first deadline.
    if (progress && !this.#skipping && this.mode.kind !== 'data' && this.mode.kind !== 'chunk') this.#wait()
    if (this.#inputEnded) this.#hangUp()
  }

  #hangUp(): void {
    if (this.mode.kind === 'closed') return
    this.lost()
    this.#flush()
    this.wire.end()
  }

  /** False: no complete line yet. */
  #nextLine(): boolean {
    const input = this.#input
    const from = this.#at
    const lf = input.indexOf(10, from)
    const limit =
      this.mode.kind === 'auth' ? this.options.authLineLimitBytes : this.options.lineLengthLimitBytes
    if (lf < 0) {
      // AUTH with an initial response is a long line too; what it is cannot be known before it is complete.
      if (this.#skipping) this.#at = input.length
      else if (input.length - from > this.#lineLimit(limit, input, from)) {
        this.#skipping = true
        this.#at = input.length
      }
      return false
    }
    this.#at = lf + 1
    if (this.#skipping || lf - from > this.#lineLimit(limit, input, from)) {
      this.#skipping = false
      if (this.mode.kind === 'auth') this.mode = { kind: 'command' }
      this.#answered(this.#lastVerb, reply(500, '5.5.2', 'Error: line too long'))
      return true
    }
    let end = lf
    while (end > from && input[end - 1] === 13) end--
    // RFC 854: telnet sends CR NUL for the CR that a script gave it.
    if (end - from > 1 && input[end - 1] === 0 && input[end - 2] === 13) end -= 2
    this.lineEnd = end < lf ? 'crlf' : 'lf'
    if (this.mode.kind === 'auth') {
      this.#settle('AUTH', answerToChallenge(this, this.mode.exchange, input.subarray(from, end)))
    } else this.#command(decodeLine(input, from, end))
    return true
  }

  #lineLimit(limit: number, input: Buffer, from: number): number {
    const auth = input.length > from + 3 && (input.readUInt32BE(from) & 0xdfdfdfdf) >>> 0 === 0x41555448
    return auth ? this.options.authLineLimitBytes : limit
  }

  #command(line: string): void {
    const { verb, argument } = parseCommandLine(line)
    if (this.host.closing) {
      this.close(reply(421, '4.3.2', `${this.options.hostname} Service shutting down`))
      return
    }
    if (this.errors >= this.options.hardErrorLimit) {
      this.note(`too many errors after ${this.#lastVerb} from ${this.client}`)
      this.close(reply(421, '4.7.0', `${this.options.hostname} Error: too many errors`))
      return
    }
    const command = commandTable.get(verb)
    if (command === undefined || !command.services.includes(this.peer.service)) {
      this.#unknown(verb, line)
      return
    }
    this.#lastVerb = verb
    if (command.junk && this.#junk++ >= this.options.junkCommandLimit) this.errors++
    if (command.last && this.#pipelinedBehind(verb)) return
    this.#settle(verb, this.#run(command, argument))
  }

  #run(command: Command, argument: string): Answer<SmtpReply | undefined> {
    const { options, peer } = this
    if (
      !command.beforeTls &&
      options.tlsLevel === 'encrypt' &&
      peer.tls === undefined &&
      this.host.tlsAvailable
    ) {
      return reply(530, '5.7.0', 'Must issue a STARTTLS command first')
    }
    try {
      return command.run(this, argument)
    } catch (error) {
      return this.#fault(error)
    }
  }

  #fault(error: unknown): SmtpReply {
    this.host.fault(this.peer, error)
    return reply(451, '4.3.0', 'Error: internal error')
  }

  #unknown(verb: string, line: string): void {
    if (isForeign(verb)) {
      this.note(`warning: non-SMTP command from ${this.client}: ${line.slice(0, 100)}`)
      this.#count('unknown', false)
      this.close(reply(221, '2.7.0', 'Error: I can break rules, too. Goodbye.'))
      return
    }
    const usual = reply(500, '5.5.2', 'Error: command not recognized')
    const answer = this.host.handler.unknown?.(this.peer, line)
    if (answer instanceof Promise)
      this.#settle(
        'unknown',
        answer.then((said) => said ?? usual),
      )
    else this.#answered('unknown', answer ?? usual)
  }

  /** A stranger who does not wait for the answer to a command that ends a group. RFC 2920 §3.1. */
  #pipelinedBehind(verb: string): boolean {
    if (this.#at >= this.#input.length || this.peer.trusted || this.options.forbidPipelining === 'no')
      return false
    const text = this.#input.toString('latin1', this.#at, this.#at + 100)
    this.note(`improper command pipelining after ${verb} from ${this.client}: ${text}`)
    this.close(reply(554, '5.5.0', 'Error: SMTP protocol synchronization'))
    return true
  }

  /** Takes the answer now or when it comes; the input waits. */
  #settle(verb: string, answer: Answer<SmtpReply | undefined>): void {
    if (!(answer instanceof Promise)) {
      this.#answered(verb, answer)
      return
    }
    this.#busy = true
    answer.then(
      (answered) => this.#resume(verb, answered),
      (error) => this.#resume(verb, this.#fault(error)),
    )
  }

  #resume(verb: string, answer: SmtpReply | undefined): void {
    this.#busy = false
    if (this.mode.kind === 'closed') return
    const waited = this.#mustWait()
    this.#answered(verb, answer)
    this.#pump()
    if (waited || this.#input.length === 0) this.wire.resume()
  }

  #answered(verb: string, answer: SmtpReply | undefined): void {
    if (answer === undefined || this.mode.kind === 'closed') return
    const good = answer.code < 400
    // 334 and 354 are half an answer: what became of the command is yet to come.
    if (answer.code !== 334 && answer.code !== 354) this.#count(verb.toLowerCase(), good)
    if (answer.code === 421 || answer.code === 521) {
      this.close(answer)
      return
    }
    if (!good && answer.code !== 452) this.errors++
    if (!good && this.errors > this.options.softErrorLimit && !this.peer.trusted) {
      this.#tarpit(answer)
      return
    }
    this.say(answer)
  }

  /** Postfix: smtpd_error_sleep_time. */
  #tarpit(answer: SmtpReply): void {
    this.#busy = true
    setTimeout(() => {
      this.#busy = false
      if (this.mode.kind === 'closed') return
      this.say(answer)
      this.#pump()
      this.wire.resume()
    }, this.options.errorSleepMs).unref()
  }

  #count(verb: string, good: boolean): void {
    const count = (this.#counts[verb] ??= [0, 0])
    count[1]++
    if (good) count[0]++
  }
}
