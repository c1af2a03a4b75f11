import type { Answer, SmtpReply, SmtpSession } from '../handler.ts'
import type { SmtpOptions } from '../options.ts'
import { reply } from '../wire/reply.ts'
import { Alarm } from './alarm.ts'
import { answerToChallenge } from './auth.ts'
import { ClientErrors, endsAfterErrors } from './client-errors.ts'
import { CommandCounts } from './command-counts.ts'
import { consumeChunk, consumeData, contentDeadline } from './content.ts'
import { endsDismissed } from './dismissal.ts'
import { dispatch } from './dispatch.ts'
import { LineInput } from './line-input.ts'
import type { MailTransaction } from './mail-transaction.ts'
import { type Mode, placeOf } from './mode.ts'
import { Replies } from './replies.ts'
import type { SessionHost, SessionWire } from './session-host.ts'

/** Not that of the next command. */
const ownDeadline: ReadonlySet<string> = new Set(['data', 'chunk', 'handshake'])
/** Input kept while the handler is busy, before the client is made to wait. */
const inputHighWaterBytes = 65_536

/** One SMTP or LMTP conversation: octets in, replies out, decisions by the handler. RFC 5321, RFC 2033. */
export class Session {
  readonly peer: SmtpSession
  readonly host: SessionHost
  readonly wire: SessionWire
  mode: Mode = { kind: 'greeting' }
  mail: MailTransaction | undefined
  /** The last reply, due before the next command. */
  dismissal: SmtpReply | undefined
  readonly errors = new ClientErrors()
  readonly counts = new CommandCounts()
  lastVerb = 'CONNECT'
  readonly input = new LineInput()
  readonly #replies: Replies
  #busy = false
  /** Until `wire.resume`. */
  #clientWaits = false
  /** The client says nothing more. */
  hasEnded = false
  #over = false
  /** When the present content began; without requestDeadline when octets came last. */
  #contentMs = 0
  readonly alarm = new Alarm((nowMs) => this.#onDue(nowMs))

  constructor(peer: SmtpSession, host: SessionHost, wire: SessionWire) {
    this.peer = peer
    this.host = host
    this.wire = wire
    this.#replies = new Replies(peer, host, wire)
  }

  get options(): SmtpOptions {
    return this.host.options
  }

  get client(): string {
    const { clientName, clientAddress, clientPort, portInLog } = this.peer
    return `${clientName}[${clientAddress}]${portInLog === 'yes' ? `:${clientPort}` : ''}`
  }

  /** Between transactions, waiting for the client. */
  get idle(): boolean {
    return this.mail === undefined && this.awaitsCommand
  }

  get awaitsCommand(): boolean {
    return !this.#busy && (this.mode.kind === 'command' || this.mode.kind === 'greeting')
  }

  /** The service ends: who has no command or message under way is told at once, others at their next command. */
  shutDown(): void {
    if (this.awaitsCommand) this.close(reply(421, '4.3.2', `${this.options.hostname} Service shutting down`))
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
    this.#goOn()
  }

  /** Octets from the client. False: wait for `wire.resume`. */
  push(chunk: Buffer): boolean {
    if (this.mode.kind === 'closed' || this.mode.kind === 'handshake') return true
    this.input.push(chunk)
    if (this.options.requestDeadline === 'no') this.#contentMs = this.host.now()
    if (this.mode.kind !== 'greeting' && !this.#busy) this.#pump()
    this.#clientWaits = this.#mustWait()
    return !this.#clientWaits
  }

  #mustWait(): boolean {
    const waits = this.#busy || this.mode.kind === 'greeting'
    return waits && this.input.waitingBytes > inputHighWaterBytes
  }

  /** What came before the greeting, for the log; empty for a polite client. */
  get early(): Buffer {
    return this.input.bytes.subarray(this.input.at)
  }

  /** The client has closed its sending side: what it already sent is still answered. */
  inputEnded(): void {
    this.hasEnded = true
    if (!this.#busy && this.mode.kind !== 'greeting') this.#hangUp()
  }

  /** TLS stands: everything known from before is forgotten. RFC 3207 §4.2. */
  secured(tls: NonNullable<SmtpSession['tls']>): void {
    this.peer.tls = tls
    if (this.mode.kind !== 'handshake') return
    this.forget('STARTTLS')
    this.peer.helo = ''
    this.peer.user = undefined
    this.input.clear()
    this.mode = { kind: 'command' }
    this.#wait()
  }

  say(answer: SmtpReply): void {
    this.#replies.add(answer)
  }

  /** Content follows, unless the client has gone meanwhile. */
  expectContent(mode: Extract<Mode, { kind: 'data' | 'chunk' }>): void {
    if (this.mode.kind === 'closed') return
    this.mode = mode
    this.#wait()
    this.#contentMs = this.host.now()
  }

  /** The reply goes out in the clear; what the client sent behind its command is dropped. RFC 3207 §4.2. */
  beginTls(answer: SmtpReply): void {
    this.counts.add('starttls', 'accepted')
    this.say(answer)
    this.#replies.flush()
    this.input.clear()
    this.mode = { kind: 'handshake' }
    this.alarm.dueMs = this.host.now() + this.options.handshakeTimeoutMs
    this.host.schedule(this.alarm)
    this.wire.startTls()
  }

  /** The reply is the last one. 'leave': the client has said that it goes, and behind that nothing. */
  close(answer?: SmtpReply, then: 'linger' | 'leave' = 'linger'): void {
    if (this.mode.kind === 'closed') return
    if (answer !== undefined) this.say(answer)
    const how = this.input.isEmpty ? then : 'linger'
    this.#closed()
    this.input.clear()
    this.forget('session closed')
    this.#replies.flush()
    this.wire.end(how)
  }

  /** Ends the transaction without a message. */
  forget(reason: string): Answer<void> {
    const mail = this.mail
    this.mail = undefined
    this.peer.forwarded = undefined
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
      this.note(`lost connection after ${placeOf(this.mode, this.lastVerb)} from ${this.client}`)
    }
    this.#closed()
    void this.forget('lost connection')
    try {
      this.host.handler.disconnect(this.peer, this.counts.all)
    } catch (error) {
      this.host.fault(this.peer, error)
    }
  }

  #closed(): void {
    if (this.mode.kind === 'data') this.counts.add('data', 'refused')
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
    const limit = contentDeadline(this, this.#contentMs, nowMs)
    if (limit > nowMs) {
      this.alarm.dueMs = limit
      this.host.schedule(this.alarm)
      return
    }
    this.note(`timeout after ${placeOf(this.mode, this.lastVerb)} from ${this.client}`)
    this.close(reply(421, '4.4.2', `${this.options.hostname} Error: timeout exceeded`))
  }

  /** The clock runs until the next command is complete. */
  #wait(): void {
    const { commandTimeoutMs } = this.options
    const limitMs = this.peer.probation?.commandTimeMs ?? commandTimeoutMs
    this.alarm.dueMs = this.host.now() + Math.min(limitMs, commandTimeoutMs)
    if (this.alarm.tick === 0) this.host.schedule(this.alarm)
  }

  /** Works through the input until it is used up, or a decision must be waited for. */
  #pump(): void {
    const { input } = this
    const from = input.at
    while (!this.#busy && !input.isEmpty && this.mode.kind !== 'closed') {
      if (this.mode.kind === 'handshake') {
        input.at = input.bytes.length
        break
      }
      if (this.mode.kind === 'data') {
        const { used, answer } = consumeData(this, this.mode.reader, input.bytes, input.at)
        input.at = used
        if (answer !== undefined) this.settle('DATA', answer)
      } else if (this.mode.kind === 'chunk') {
        const { used, answer } = consumeChunk(this, this.mode, input.bytes, input.at)
        input.at = used
        if (answer !== undefined) this.settle('BDAT', answer)
      } else if (!this.#nextLine()) break
    }
    const progress = input.at > from || input.bytes.length === 0
    input.release()
    if (this.#busy || this.mode.kind === 'closed' || endsDismissed(this)) return
    if (this.#replies.areAllSent) this.wire.acknowledge()
    else this.#replies.flush()
    // A command line that comes in drops keeps its first deadline.
    const heard = (progress && !input.skipping) || this.options.requestDeadline === 'no'
    if (heard && !ownDeadline.has(this.mode.kind)) this.#wait()
    if (this.hasEnded) this.#hangUp()
  }

  #hangUp(): void {
    if (this.mode.kind === 'closed') return
    this.lost()
    this.#replies.flush()
    this.wire.end('linger')
  }

  /** False: no complete line yet. */
  #nextLine(): boolean {
    const { input, mode, options } = this
    // A response is limited without its line end, of which the CR is still there.
    const limitBytes = mode.kind === 'auth' ? options.authLineLimitBytes + 1 : options.lineLengthLimitBytes
    const found = input.nextLine(limitBytes, options.authLineLimitBytes)
    if (found === 'none') return false
    if (found === 'too-long') {
      if (mode.kind === 'auth') this.mode = { kind: 'command' }
      this.#answered(this.lastVerb, reply(500, '5.5.2', 'Error: line too long'))
    } else if (mode.kind === 'auth') {
      const line = input.bytes.subarray(input.start, input.end)
      this.settle('AUTH', answerToChallenge(this, mode, line))
    } else dispatch(this, input)
    return true
  }

  /** Ours: logged, and told as a temporary failure. */
  fault(error: unknown): SmtpReply {
    this.host.fault(this.peer, error)
    return reply(451, '4.3.0', 'Error: internal error')
  }

  /** Takes the answer now or when it comes; the input waits. */
  settle(verb: string, answer: Answer<SmtpReply | undefined>): void {
    if (!(answer instanceof Promise)) {
      this.#answered(verb, answer)
      return
    }
    this.#busy = true
    answer.then(
      (answered) => this.#resume(verb, answered),
      (error) => this.#resume(verb, this.fault(error)),
    )
  }

  #resume(verb: string, answer: SmtpReply | undefined): void {
    this.#busy = false
    if (this.mode.kind === 'closed') return
    this.#answered(verb, answer)
    this.#goOn()
  }

  /** Looks at what came meanwhile; the client may have been made to wait. */
  #goOn(): void {
    this.#pump()
    if (!this.#clientWaits || this.#mustWait()) return
    this.#clientWaits = false
    this.wire.resume()
  }

  #answered(verb: string, answer: SmtpReply | undefined): void {
    if (answer === undefined || this.mode.kind === 'closed') return
    const good = answer.code < 400
    // 334 and 354 are half an answer: what became of the command is yet to come.
    if (answer.code !== 334 && answer.code !== 354) {
      this.counts.add(verb.toLowerCase(), good ? 'accepted' : 'refused')
    }
    if (answer.code === 421 || answer.code === 521) {
      this.close(answer)
      return
    }
    const slow = this.errors.slowDown(answer.code, this.mode.kind, this.options)
    this.errors.hear(answer.code)
    if (slow && !this.peer.trusted) this.#tarpit(answer)
    else this.#tell(answer)
  }

  /** Postfix: smtpd_error_sleep_time. */
  #tarpit(answer: SmtpReply): void {
    this.#busy = true
    // A client far ahead of its answers would hear nothing until the last of them is due.
    this.#replies.flush()
    setTimeout(() => {
      this.#busy = false
      if (this.mode.kind === 'closed') return
      this.#tell(answer)
      this.#goOn()
    }, this.options.errorSleepMs).unref()
  }

  /** The last error is answered, and then the session ends. */
  #tell(answer: SmtpReply): void {
    this.say(answer)
    if (this.mode.kind === 'command') endsAfterErrors(this)
  }
}
