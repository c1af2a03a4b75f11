import type { CloseReason, Connection, TlsCredentials } from '@posthorn/net'
import type { Account } from '@posthorn/storage'
import { cancelsUpdate } from '../commands/cancel-update.ts'
import { Refusal } from '../errors.ts'
import { framerLimitsBeforeLogin } from '../wire/framer.ts'
import { type NumberSet, pick } from '../wire/number-set.ts'
import { type ClientTreatment, treatmentOf } from './client-quirks.ts'
import { type ChannelUser, CompressedChannel } from './compressed-channel.ts'
import { type Farewell, farewells } from './farewell.ts'
import { ListeningSession } from './listening-session.ts'
import type { OpenMailbox } from './open-mailbox.ts'
import { runCommands } from './pump.ts'
import type { Services } from './services.ts'
import type { Extension, StateName } from './session.ts'
import { type LoggedSession, logEnd, logFault, logLogin } from './session-log.ts'

/** A literal refused by us but sent all the same is read up to here; then the connection ends. */
const swallowBytes = 256 * 1024 * 1024
/** What comes while a command runs is looked at that far for a CANCELUPDATE. */
const maxPeekBytes = 4096
/** How long the answer under way may take when the account's rights have ended. */
const lastAnswerMs = 10_000

/**
 * One client. All variants of `Session` in one object: the dispatcher checks the state and hands it out
 * as the variant. Kept small: thousands of these wait.
 */
export class ImapSession extends ListeningSession implements ChannelUser, LoggedSession {
  state: StateName = 'not-authenticated'
  account: Account | undefined
  numbering: 'sequence' | 'uid' = 'sequence'
  tag = ''
  /** Of the running command. */
  holdsExpunges = false
  readonly startedMs: number
  failedLogins: LoggedSession['failedLogins']
  badCommands = 0
  /** The client has sent its FIN. */
  endsAfterCommand = false
  #extensions = 0
  /** By what the client said of itself. */
  #treatment: ClientTreatment | undefined
  /** Said between two commands; it ends then. */
  farewell: Farewell | undefined
  #leaveLogins: (() => void) | undefined
  #closed = false
  #heardMs: number
  /** Why we end the session, for the log. */
  #ending: string | undefined
  readonly #onClosed: (session: ImapSession) => void

  constructor(services: Services, connection: Connection, onClosed: (session: ImapSession) => void) {
    const { loginCommandLimitBytes } = services.options()
    super(services, connection, { ...framerLimitsBeforeLogin, commandBytes: loginCommandLimitBytes })
    this.#onClosed = onClosed
    this.startedMs = services.now()
    this.#heardMs = this.startedMs
  }

  start(): void {
    this.connection.attach(this)
    const options = this.services.options()
    this.connection.setDeadline(options.loginTimeoutMs)
    this.connection.write(`* OK [${this.capabilities()}] ${options.greeting}\r\n`)
  }

  // What commands see: SessionCommon.

  capabilities(): string {
    const options = this.services.options()
    const client = {
      state: this.state,
      secure: this.connection.secure !== undefined,
      plaintextAuth: this.plaintextAuth === 'allowed',
      certified: options.mechanisms.includes('EXTERNAL') && this.certificate?.user !== undefined,
      isAdministrator: options.administrators.has(this.account?.address ?? ''),
      compressed: this.compressed,
      user: this.account === undefined ? 'unknown' : 'known',
      withheld: this.#treatment?.withheld,
    } as const
    return this.services.capabilityLines.of(client, options, (name) => this.withholds(name))
  }

  /** @param name upper case */
  withholds(name: string): boolean {
    const { withheld, announcedOnly } = this.services.options()
    if (withheld.has(name) || this.#treatment?.withheld.has(name)) return true
    return this.account !== undefined && announcedOnly !== undefined && !announcedOnly.has(name)
  }

  identify(fields: ReadonlyMap<string, string>): 'list changed' | 'as before' {
    const before = this.#treatment?.withheld.size ?? 0
    this.#treatment = treatmentOf(fields, this.services.options().quirks)
    const workarounds = this.#treatment?.workarounds
    this.pausesAfterIdling = workarounds?.has('pause-after-idling') ?? false
    this.fetchesWithoutNews = workarounds?.has('fetch-without-news') ?? false
    return before + (this.#treatment?.withheld.size ?? 0) > 0 ? 'list changed' : 'as before'
  }

  #forgetClient(): void {
    this.#treatment = undefined
    this.pausesAfterIdling = false
    this.fetchesWithoutNews = false
  }

  enabled(extension: Extension): boolean {
    return (this.#extensions & extensionBits[extension]) !== 0
  }

  enable(extension: Extension): void {
    const had = this.enabled('CONDSTORE')
    this.#extensions |= extensionBits[extension]
    if (extension === 'IMAP4rev2') this.mailbox?.ignoreRecent()
    if (extension === 'METADATA') this.followNotices().tellsMetadata = true
    if (extension === 'QRESYNC') this.#extensions |= extensionBits.CONDSTORE
    // RFC 7162 §3.1.2.1: the client has to know where it stands.
    if (!had && this.enabled('CONDSTORE') && this.mailbox !== undefined)
      this.untagged(`OK [HIGHESTMODSEQ ${this.mailbox.modSeq}] Highest`)
  }

  // NotAuthenticatedSession.

  async login(account: Account, mechanism: string): Promise<Refusal | undefined> {
    const options = this.services.options()
    const { seats } = this.services
    // It may have gone while its password was looked at: nobody would give the seat back.
    if (this.#closed) return new Refusal('UNAVAILABLE', 'Connection closed')
    const limit = options.seatsUnlimitedFor(this.remoteAddress) ? 0 : options.maxUserIpConnections
    const taken = seats.take(account.id, this.remoteAddress, limit)
    const seated = taken instanceof Promise ? await taken : taken
    if (seated && this.#closed) {
      seats.leave(account.id, this.remoteAddress)
      return new Refusal('UNAVAILABLE', 'Connection closed')
    }
    if (!seated) {
      const text = `Maximum number of connections from user+IP exceeded (mail_max_userip_connections=${options.maxUserIpConnections})`
      logLogin(this, `Disconnected: ${text}`, account.address, mechanism)
      return new Refusal('LIMIT', text)
    }
    this.account = account
    this.state = 'authenticated'
    this.framer.setLimits({ commandBytes: options.commandLimitBytes, swallowBytes })
    this.connection.authenticated()
    this.connection.setDeadline(options.idleTimeoutMs)
    this.failedLogins = undefined
    this.#enterLogins(account, mechanism)
    logLogin(this, 'Login', account.address, mechanism)
    return undefined
  }

  #enterLogins(account: Account, mechanism: string): void {
    this.#leaveLogins = this.services.logins.enter({
      account,
      mechanism,
      protocol: 'imap',
      clientAddress: this.remoteAddress,
      sinceMs: this.services.now(),
      end: (why) => {
        this.sayFarewell(farewells[why])
        setTimeout(() => this.connection.destroy('shutdown'), lastAnswerMs).unref()
      },
    })
  }

  loginFailed(user: string, mechanism: string): void {
    this.failedLogins = { count: (this.failedLogins?.count ?? 0) + 1, user, mechanism }
  }

  async startTls(credentials: TlsCredentials): Promise<void> {
    this.framer.discard()
    await this.connection.startTls(`${this.tag} OK Begin TLS negotiation now.\r\n`, credentials)
    this.framer.discard()
    // RFC 9051 §6.2.1: what was said in the clear may be somebody else's.
    this.#forgetClient()
    if (!this.gone) this.connection.setDeadline(this.services.options().loginTimeoutMs)
  }

  // AuthenticatedSession, SelectedSession.

  unauthenticate(): void {
    if (this.mailbox !== undefined) this.unselect()
    if (this.account !== undefined) {
      logEnd(this, 'Unauthenticated', 'ended', undefined)
      this.services.seats.leave(this.account.id, this.remoteAddress)
    }
    this.#leaveLogins?.()
    this.dropNotices()
    this.account = undefined
    this.state = 'not-authenticated'
    this.#extensions = 0
    // RFC 8437 §3: behind a proxy the next user has another client.
    this.#forgetClient()
    const options = this.services.options()
    this.framer.setLimits({ ...framerLimitsBeforeLogin, commandBytes: options.loginCommandLimitBytes })
    this.connection.setDeadline(options.loginTimeoutMs)
  }

  get compressed(): boolean {
    return this.connection instanceof CompressedChannel
  }

  compress(): void {
    // Sent before it saw our answer: nobody can say what it means.
    this.framer.discard()
    this.connection.write(`${this.tag} OK DEFLATE active.\r\n`)
    this.connection = new CompressedChannel(this.connection, this)
  }

  async endCompression(text: string): Promise<void> {
    this.connection.write(`${this.tag} OK ${text}\r\n`)
    if (this.connection instanceof CompressedChannel) this.connection = await this.connection.leave()
  }

  select(mailbox: OpenMailbox): void {
    if (this.#closed) return
    this.mailbox = mailbox
    this.state = 'selected'
    mailbox.watch(this.services.watch, this)
  }

  unselect(): void {
    this.mailbox?.close()
    this.mailbox = undefined
    this.forgetContexts()
    this.state = 'authenticated'
  }

  uids(set: NumberSet): Uint32Array {
    const { uids, saved } = this.mailbox!
    if (set.saved) return saved
    return pick(uids, this.numbering === 'uid' ? set.uidIndexes(uids) : set.sequenceIndexes(uids.length))
  }

  holdExpunges(): void {
    this.holdsExpunges = true
  }

  logout(): void {
    this.state = 'logout'
    this.#ending ??= 'Logged out'
  }

  // ConnectionHandler.

  usesUp(lengthBytes: number): boolean {
    // News under way go first, and the octets would be others' by then.
    return !this.busy && this.pushing === undefined && this.framer.streams(lengthBytes)
  }

  bytes(chunk: Buffer): void {
    this.framer.push(chunk)
    this.#heardMs = this.services.now()
    if (this.state !== 'not-authenticated') this.expectSilence()
    if (!this.busy) {
      void runCommands(this)
      return
    }
    if (this.mailbox !== undefined && cancelsUpdate(this.framer.peek(maxPeekBytes), this.tag)) {
      this.contexts.forget(this.tag)
      this.cancelWork(new Refusal('', 'Cancelled by CANCELUPDATE'))
    }
    this.offerLine()
    this.holdBack()
  }

  damaged(): void {
    this.bye('Compressed data is damaged', 'Damaged compression')
  }

  timedOut(): void {
    const options = this.services.options()
    if (this.idling && this.services.now() - this.#heardMs < options.idleTimeoutMs) {
      this.connection.write('* OK Still here\r\n')
      // A wake-up may have been lost.
      this.mailbox?.suspect()
      this.mailboxChanged()
      this.expectSilence()
      return
    }
    if (this.busy && !this.awaitsLine) {
      this.expectSilence()
      return
    }
    this.bye('Disconnected for inactivity.', 'Disconnected for inactivity')
  }

  ended(): void {
    // Commands that came before the FIN are still answered.
    if (this.busy && !this.awaitsLine) this.endsAfterCommand = true
    else this.connection.end()
  }

  closed(reason: CloseReason, error: Error | undefined): void {
    this.#closed = true
    this.#leaveLogins?.()
    this.mailbox?.close()
    this.dropNotices()
    // A running command may be about to place them; it gives back what is left.
    if (!this.busy) this.dropLiterals()
    logEnd(this, this.#ending, reason, error)
    if (this.account !== undefined) this.services.seats.leave(this.account.id, this.remoteAddress)
    this.#onClosed(this)
    this.letGo()
  }

  /** Says goodbye and ends the connection. @param reason for the log */
  bye(text: string, reason: string): void {
    if (this.gone) return
    this.#ending ??= reason
    this.state = 'logout'
    this.connection.write(`* BYE ${text}\r\n`)
    this.connection.end()
  }

  /** Ends at once, or when the running command has been answered. */
  sayFarewell(farewell: Farewell): void {
    if (this.busy && !this.awaitsLine) {
      this.farewell ??= farewell
      this.#ending ??= farewell.reason
      if (this.account !== undefined) this.cancelWork(new Refusal('UNAVAILABLE', farewell.refusal))
    } else this.bye(farewell.text, farewell.reason)
  }

  /** @param what `Cannot …`, without the command's arguments */
  logFault(what: string, error: unknown): void {
    logFault(this, what, error)
  }

  /** Sets the deadline by what we wait for. */
  protected override expectSilence(): void {
    const { idleTimeoutMs, idleNotifyIntervalMs, loginTimeoutMs } = this.services.options()
    if (this.state === 'not-authenticated') {
      this.connection.setDeadline(loginTimeoutMs)
      return
    }
    const notify = this.idling && idleNotifyIntervalMs > 0 && idleNotifyIntervalMs < idleTimeoutMs
    this.connection.setDeadline(notify ? idleNotifyIntervalMs : idleTimeoutMs)
  }
}

const extensionBits: Readonly<Record<Extension, number>> = {
  CONDSTORE: 1,
  QRESYNC: 2,
  IMAP4rev2: 4,
  'UTF8=ACCEPT': 8,
  UIDONLY: 16,
  METADATA: 32,
}
