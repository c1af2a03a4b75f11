import type { LoginResult } from '@posthorn/accounts'
import type { CertifiedClient, CloseReason, Connection, ConnectionHandler } from '@posthorn/net'
import { certifiedClient, overlongLine, sessionName } from '@posthorn/net'
import { type Credentials, maxResponseBytes } from '@posthorn/sasl'
import { continueExchange } from '../commands/auth.ts'
import { findCommand } from '../commands/command-table.ts'
import { answerError, err, ok } from '../errors.ts'
import { parseCommandLine } from '../wire/command-line.ts'
import { quoteArgument } from '../wire/number-argument.ts'
import { type Farewell, farewells, serverStops } from './farewell.ts'
import { type LineAnswerer, LinePump } from './line-pump.ts'
import { mayLogInAgain } from './login-delay.ts'
import { abortedEvent, closeWords, disconnectedEvent, loginEvent, peerFields } from './login-log.ts'
import { loginRefusals } from './login-refusals.ts'
import { Maildrop, prepareMaildrop } from './maildrop.ts'
import { MessageReader } from './message-reader.ts'
import type { Pop3Options } from './options.ts'
import {
  type Authorization,
  nobodyYet,
  type Pop3Session,
  type Reply,
  type Services,
  type SessionState,
  type Transaction,
} from './session.ts'

/** AUTH with its initial response (RFC 5034 §4) is the longest line. */
const maxLineBytes = maxResponseBytes + 64

/** A command that takes long (a large RETR, a delayed login) is not silence of the client. */
const busyCheckMs = 30_000
/** How long the answer under way may take when the account's rights have ended. */
const lastAnswerMs = 10_000

/** One client: lines in, replies out, one command after the other. RFC 1939, RFC 2449 §6.8 (pipelining). */
export class ClientSession implements Pop3Session, ConnectionHandler, LineAnswerer {
  readonly services: Services
  readonly connection: Connection
  readonly #id = sessionName()
  readonly #pump = new LinePump(this, maxLineBytes)
  readonly #onClosed: (session: ClientSession) => void
  readonly #startedMs: number
  #state: SessionState = nobodyYet()
  #peerEnded = false
  #farewell: Farewell | undefined
  #leaveLogins: (() => void) | undefined
  #badCommands = 0
  #leaveReason: string | undefined
  #attempts = 0
  #lastTried = { user: '', method: '' }
  #loginAbort: AbortController | undefined

  constructor(connection: Connection, services: Services, onClosed: (session: ClientSession) => void) {
    this.connection = connection
    this.services = services
    this.#onClosed = onClosed
    this.#startedMs = services.now()
    const options = services.options()
    connection.attach(this)
    connection.setDeadline(options.loginTimeoutMs)
    connection.write(ok(options.greeting))
  }

  get options(): Pop3Options {
    return this.services.options()
  }

  get state(): SessionState {
    return this.#state
  }

  get plaintextAllowed(): boolean {
    return this.options.plaintextAuth === 'allowed' || this.#secured
  }

  get certificate(): CertifiedClient | undefined {
    return certifiedClient(this.connection.secure?.clientCertificate(), this.options.certificateUser)
  }

  bytes(chunk: Buffer): void {
    if (this.#state.state === 'over') return
    this.#pump.push(chunk)
  }

  /** The client sends no more: what it asked for is answered, as `printf … | nc` expects. */
  ended(): void {
    this.#peerEnded = true
    if (!this.#pump.busy) this.leave('Connection closed')
  }

  timedOut(): void {
    if (this.#pump.busy) {
      this.connection.setDeadline(busyCheckMs)
      return
    }
    this.connection.write(err('Disconnected for inactivity.'))
    this.leave('Inactivity')
  }

  closed(reason: CloseReason, error: Error | undefined): void {
    this.#loginAbort?.abort()
    this.#pump.clear()
    this.#over(this.#leaveReason ?? closeWords(reason, error))
    this.#onClosed(this)
  }

  /** SIGTERM: the command under way is finished, then the client is told. */
  stop(): void {
    this.#end(serverStops)
  }

  #end(farewell: Farewell): void {
    this.#farewell ??= farewell
    if (!this.#pump.busy) this.#sayFarewell(this.#farewell)
  }

  async login(credentials: Credentials): Promise<string> {
    const result = await this.verify(credentials)
    return result.ok ? this.open(result.account, credentials.mechanism) : loginRefusals[result.reason]
  }

  async verify(credentials: Credentials): Promise<LoginResult> {
    const { accounts } = this.services
    this.#attempts++
    const { certificate } = this
    this.#lastTried = { user: certificate?.user ?? credentials.authcid, method: credentials.mechanism }
    this.#loginAbort = new AbortController()
    this.connection.flush()
    const result = await accounts.authenticate(credentials, {
      clientAddress: this.connection.remoteAddress,
      service: 'pop3',
      trusted:
        this.options.isTrusted(this.connection.remoteAddress) ||
        this.options.neverDelayed(this.connection.remoteAddress),
      signal: this.#loginAbort.signal,
      certificate,
    })
    this.#loginAbort = undefined
    return result
  }

  async open(account: Transaction['account'], mechanism: string): Promise<string> {
    if (!(await mayLogInAgain(this.services, account))) {
      return err('Minimum time between logins has not passed.', 'LOGIN-DELAY')
    }
    const owner = `${process.pid} ${this.#id}`
    const { removal, surrogates: wanted } = this.options
    const knowsUtf8 = this.#state.state === 'authorization' && this.#state.utf8
    const surrogates = knowsUtf8 ? 'none' : wanted
    const maildrop = await Maildrop.open(this.services.store, account, owner, { removal, surrogates })
    if (this.#state.state === 'over') {
      await maildrop.close()
      return ''
    }
    this.#enter(account, maildrop, mechanism)
    return ok('Logged in.')
  }

  async startTls(goAhead: string): Promise<void> {
    const { tls } = this.options
    if (tls === undefined) return
    this.#pump.clear()
    const facts = await this.connection.startTls(goAhead, tls)
    this.#pump.clear()
    // RFC 2595 §4: nothing learnt in the clear is kept.
    if (facts !== undefined && this.#state.state === 'authorization') {
      this.#state = nobodyYet()
      this.connection.setDeadline(
        Math.max(1, this.#startedMs + this.options.loginTimeoutMs - this.services.now()),
      )
    }
  }

  async update(): Promise<string> {
    const state = this.#state
    if (state.state !== 'transaction') {
      this.#over('Aborted login by logging out')
      return ok('Logging out')
    }
    this.#state = { state: 'over' }
    try {
      const { seenAfterQuit: seen, removal, expireDays } = this.options
      await state.maildrop.update({ seen, removal, expireDays }, this.services.now())
    } finally {
      // Before the reply: the client may come back at once.
      await this.#endTransaction(state, 'Logged out')
    }
    return ok(state.maildrop.deletedCount > 0 ? 'Logging out, messages deleted.' : 'Logging out.')
  }

  leave(reason: string): void {
    this.#leaveReason ??= reason
    this.#pump.clear()
    this.#over(reason)
    this.connection.end()
  }

  #over(reason: string): void {
    const state = this.#state
    this.#state = { state: 'over' }
    if (state.state === 'transaction') void this.#endTransaction(state, reason)
    else if (state.state === 'authorization') this.#logAborted(reason)
  }

  get #secured(): boolean {
    return this.connection.secure !== undefined || this.options.isTrusted(this.connection.remoteAddress)
  }

  #enter(account: Transaction['account'], maildrop: Maildrop, method: string): void {
    const { log } = this.services
    this.connection.authenticated()
    this.#badCommands = 0
    this.#state = {
      state: 'transaction',
      account,
      maildrop,
      reader: new MessageReader(maildrop, this.connection),
      sent: { topCount: 0, topBytes: 0, retrCount: 0, retrBytes: 0 },
    }
    this.#leaveLogins = this.services.logins.enter({
      account,
      mechanism: method,
      protocol: 'pop3',
      clientAddress: this.connection.remoteAddress,
      sinceMs: this.services.now(),
      end: (why) => {
        this.#end(farewells[why])
        setTimeout(() => this.connection.destroy('shutdown'), lastAnswerMs).unref()
      },
    })
    setImmediate(prepareMaildrop, maildrop)
    log(loginEvent(account.address, method, peerFields(this.connection, this.#id, this.#secured)))
  }

  idle(): void {
    if (this.#farewell !== undefined) this.#sayFarewell(this.#farewell)
    else if (this.#peerEnded) this.leave('Connection closed')
    else if (this.#state.state === 'transaction') {
      this.connection.setDeadline(this.options.idleTimeoutMs)
      if (this.#state.reader.walking) setImmediate(prepareLater, this)
    }
  }

  /** After everything that was written has left: the client is busy with it. */
  prepare(): void {
    if (this.#state.state === 'transaction' && !this.#pump.busy) this.#state.reader.prepare(this.options)
  }

  #sayFarewell({ reply, reason }: Farewell): void {
    if (this.#state.state === 'over') return
    this.connection.write(reply)
    this.leave(reason)
  }

  /** @see LineAnswerer */
  answer(line: Buffer | typeof overlongLine): Promise<void> | undefined {
    const state = this.#state
    if (this.#farewell?.linesBefore === 'dropped') {
      this.#sayFarewell(this.#farewell)
      return undefined
    }
    if (line === overlongLine) return this.#reply(this.#overlong(state))
    if (state.state === 'authorization' && state.exchange !== undefined) {
      return this.#reply(continueExchange(this, state, line))
    }
    const { keyword, rest } = parseCommandLine(line)
    const command = findCommand(keyword, this.options)
    if (state.state === 'authorization') {
      if (command?.authorization === undefined) return this.#reply(this.#badCommand(state, keyword))
      const reply = command.authorization(this, state, rest)
      if (typeof reply === 'string' && reply.startsWith('+')) this.#badCommands = 0
      return this.#reply(reply)
    }
    if (state.state !== 'transaction') return undefined
    if (command?.transaction === undefined) return this.#reply(this.#badCommand(state, keyword))
    this.#badCommands = 0
    return this.#reply(command.transaction(this, state, rest))
  }

  #reply(reply: Reply | Promise<Reply>): Promise<void> | undefined {
    if (typeof reply === 'string') {
      this.connection.write(reply)
      if (this.#state.state === 'over') this.connection.end()
      return this.connection.drained
    }
    return reply === undefined ? this.connection.drained : this.#replyLater(reply)
  }

  async #replyLater(reply: Promise<Reply>): Promise<void> {
    const text = await reply
    if (text !== undefined) this.connection.write(text)
    if (this.#state.state === 'over') this.connection.end()
    else await this.connection.drained
  }

  #overlong(state: SessionState): string {
    if (state.state === 'authorization') state.exchange = undefined
    return this.#countBad(state, err('Input line too long.'))
  }

  #badCommand(state: Authorization | Transaction, keyword: string): string {
    const shown = state.state === 'authorization' ? '.' : `: ${quoteArgument(Buffer.from(keyword))}`
    return this.#countBad(state, err(`Unknown command${shown}`))
  }

  /** A stranger who speaks another protocol (HTTP: ALPACA) is not listened to for long. */
  #countBad(state: SessionState, reply: string): string {
    const { loginBadCommandLimit, badCommandLimit } = this.options
    const limit = state.state === 'authorization' ? loginBadCommandLimit : badCommandLimit
    if (++this.#badCommands < limit) return reply
    this.connection.write(reply)
    this.connection.write(err('Too many invalid bad commands.'))
    this.leave('Too many bad commands')
    return ''
  }

  failed(error: unknown): void {
    const { reply, fault } = answerError(error)
    if (fault)
      this.services.log({ level: 'error', service: 'pop3', text: `Session <${this.#id}> failed`, error })
    this.connection.write(reply)
    if (this.#state.state === 'over') this.connection.end()
  }

  async #endTransaction(state: Transaction, reason: string): Promise<void> {
    this.#leaveLogins?.()
    state.reader.clear()
    this.services.log(disconnectedEvent(reason, this.#id, state))
    try {
      await state.maildrop.close()
    } catch (error) {
      this.services.log({ level: 'error', service: 'pop3', text: 'Cannot unlock a maildrop', error })
    }
  }

  #logAborted(reason: string): void {
    const seconds = Math.max(0, Math.round((this.services.now() - this.#startedMs) / 1000))
    const peer = peerFields(this.connection, this.#id, this.#secured)
    this.services.log(abortedEvent({ reason, attempts: this.#attempts, seconds, ...this.#lastTried, peer }))
  }
}

function prepareLater(session: ClientSession): void {
  session.prepare()
}
