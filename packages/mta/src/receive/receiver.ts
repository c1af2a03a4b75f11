import type { Accounts } from '@posthorn/accounts'
import type { Resolver } from '@posthorn/dns'
import type {
  Answer,
  Greeting,
  LoginAnswer,
  MailFrom,
  ProxiedClient,
  SmtpHandler,
  SmtpReply,
  SmtpSession,
  SmtpTransaction,
} from '@posthorn/smtp'
import type { Store } from '@posthorn/storage'
import { policyLogText, type Refusal, refusalText } from '../policy/index.ts'
import type { DirectDelivery } from '../queue/index.ts'
import { pregreetRefusal, type Screen } from '../screen/index.ts'
import { answered } from '../tables/index.ts'
import { after } from './answer.ts'
import type { ClientStatistics, CountedEvent } from './anvil-statistics.ts'
import type { ClientLimits } from './client-limits.ts'
import { type CommandCounts, countsText } from './counts-text.ts'
import { FreeSpace } from './free-space.ts'
import { createMailboxRoom } from './mailbox-room.ts'
import { MilterGuard } from './milter-guard.ts'
import { mayRelayAsReader, nameClient } from './name-client.ts'
import { etrn, expn, vrfy } from './queries.ts'
import type { ReceiveConfiguration } from './receive-options.ts'
import { authorise, becomes, recognise } from './recognise.ts'
import { reply, replyOf } from './refusals.ts'
import { type Credentials, type LoginSources, logIn, withLocalDomain } from './session-login.ts'
import { forgetGoodMail, type SessionNotice, sessionNotice, troubleOf } from './session-notice.ts'
import { policyFor, SessionQuestions } from './session-questions.ts'
import { clientOf, endState, newSessionState, type SessionState } from './session-state.ts'
import { type MailSources, SmtpMail } from './smtp-mail.ts'
import { verpRefusal } from './verp.ts'

export interface ReceiverSources extends LoginSources {
  readonly store: Pick<Store, 'queue' | 'messages' | 'mailboxes'>
  readonly accounts: Pick<Accounts, 'authenticate' | 'scramVerifier' | 'hasReadMail'>
  readonly dns: Resolver
  /** What may leave at once; without it everything waits in the queue. */
  readonly direct?: DirectDelivery
  /** Told what each client does. Default: nobody is. */
  readonly statistics?: ClientStatistics
  /** Sends postmaster what happened in a session. Default: nobody is told. */
  readonly notify?: (notice: SessionNotice) => void
  /** Free octets on the disk of a folder; tests give their own. */
  readonly freeBytesOf?: (folder: string) => number
  /** Asked at each step, so that a reload acts at once. */
  readonly configuration: () => ReceiveConfiguration
}

const noSpace = { code: 452, status: '4.3.1', text: 'Insufficient system storage' }
const mailOk = reply(250, '2.1.0', 'Ok')

/** Decides about sessions and takes mail in: Postfix's smtpd, cleanup and local in one. */
export function createReceiver(sources: ReceiverSources): SmtpHandler {
  return new Receiver(sources)
}

interface MailAnswer {
  readonly reply: SmtpReply
  readonly transaction?: SmtpTransaction
}

class Receiver implements SmtpHandler {
  readonly #sources: ReceiverSources
  readonly #mailSources: MailSources
  readonly #space: FreeSpace
  readonly #questions: SessionQuestions
  readonly #states = new WeakMap<SmtpSession, SessionState>()

  constructor(sources: ReceiverSources) {
    this.#sources = sources
    const { store, dns, log, now } = sources
    this.#space = new FreeSpace(now, sources.freeBytesOf)
    const { configuration } = sources
    const stateOf = (session: SmtpSession) => this.#stateOf(session)
    this.#questions = new SessionQuestions({ configuration, log, stateOf })
    const countRecipient = (state: SessionState) => this.#countForClient('recipient', state)
    const room = createMailboxRoom(store, now)
    this.#mailSources = { store, dns, log, now, room, countRecipient, direct: sources.direct }
  }

  connect(session: SmtpSession): Answer<Greeting> {
    const state = this.#stateOf(session)
    recognise(session, state, this.#sources.configuration())
    if (this.#sources.configuration().notices !== undefined) session.transcript = []
    this.#countConnection(session, state)
    const { screen } = this.#sources.configuration()
    if (screen !== undefined && session.service === 'mx') return this.#screened(session, state, screen)
    return this.#named(session, state)
  }

  /** XCLIENT. Nobody is counted or screened again. */
  proxied(session: SmtpSession, client: ProxiedClient): Answer<Greeting> {
    const before = this.#stateOf(session)
    endState(before)
    const state: SessionState = {
      ...newSessionState(session),
      ...(before.counted === undefined ? {} : { counted: before.counted }),
      ...(before.gone === undefined ? {} : { gone: before.gone }),
    }
    this.#states.set(session, state)
    session.clientName = becomes(state, before.client.name, client).name
    recognise(session, state, this.#sources.configuration())
    authorise(session, this.#sources.configuration())
    if (client.login !== undefined)
      session.user = { address: this.#withDomain(client.login), method: 'XCLIENT' }
    return this.#welcome(session, state)
  }

  #countConnection(session: SmtpSession, state: SessionState): void {
    const { statistics } = this.#sources
    if (statistics === undefined) return
    state.counted = `${session.service === 'mx' ? 'smtp' : session.service}:${session.clientAddress}`
    statistics.connected(state.counted)
    if (session.tls !== undefined) statistics.count('newtls', state.counted)
  }

  #countForClient(event: CountedEvent, state: SessionState): void {
    if (state.counted !== undefined) this.#sources.statistics?.count(event, state.counted)
  }

  async #screened(session: SmtpSession, state: SessionState, screen: Screen): Promise<Greeting> {
    const { inMyNetworks } = state.client
    const screening = await answered(() => screen.examine({ ...endpointsOf(session), inMyNetworks }))
    if (screening.kind === 'drop') return screening.reply
    if (state.isOver) screening.gone()
    else state.gone = screening.gone
    if (screening.watch !== undefined) {
      state.watch = screening.watch
      session.probation = screening.watch.probation
    }
    const banner = await this.#named(session, state)
    if (screening.kind === 'pass' || banner.code !== 220) return { ...banner, greetWaitMs: 0 }
    const { waitMs, onPregreet, refusal, passed, teaser } = screening
    if (refusal !== undefined) state.screened = refusal
    state.onPregreet = onPregreet
    const ends = onPregreet === 'drop'
    return {
      ...banner,
      greetWaitMs: waitMs,
      ...(teaser === '' ? {} : { teaser }),
      onPregreet: ends ? 'end' : 'go-on',
      keptSilent: passed,
    }
  }

  #named(session: SmtpSession, state: SessionState): Answer<SmtpReply> {
    const { configuration, dns, accounts } = this.#sources
    const named = nameClient(session, state, configuration().options, dns)
    return after(named, () =>
      after(mayRelayAsReader(session, state, configuration(), accounts), (mayRelay) => {
        if (mayRelay) state.client = { ...state.client, inMyNetworks: true }
        return this.#admit(session, state)
      }),
    )
  }

  #admit(session: SmtpSession, state: SessionState): Answer<SmtpReply> {
    this.#log('info', `connect from ${clientOf(session)}`)
    const { limits } = this.#sources.configuration()
    authorise(session, this.#sources.configuration())
    const counted = session.xclient === 'offered' ? undefined : this.#countForLimits(session, limits)
    return after(counted, (tooMany): Answer<SmtpReply> => {
      if (tooMany !== undefined) return { ...replyOf(tooMany), code: 421 }
      return this.#welcome(session, state)
    })
  }

  #welcome(session: SmtpSession, state: SessionState): Answer<SmtpReply> {
    const welcome: SmtpReply = { code: 220, text: this.#sources.configuration().options.banner }
    return after(this.#questions.ask('connect', 'CONNECT', session), (refused): Answer<SmtpReply> => {
      if (refused !== undefined) return refused
      return after(this.#openMilters(session, state), (filtered) => filtered ?? welcome)
    })
  }

  /** On port 465 a connection is a TLS session too. */
  #countForLimits(session: SmtpSession, limits: ClientLimits | undefined): Answer<Refusal | undefined> {
    return after(limits?.count('connection', session), (tooMany) =>
      tooMany !== undefined || session.tls === undefined ? tooMany : limits?.count('tls session', session),
    )
  }

  /** undefined: go on. Nobody would let go of filters of a client that went while its name was looked up. */
  #openMilters(session: SmtpSession, state: SessionState): Answer<SmtpReply | undefined> {
    if (state.isOver) return undefined
    const milters = this.#sources.configuration().milters?.forClient(session.clientAddress)
    if (milters === undefined) return undefined
    state.milters = new MilterGuard(milters, session, state, {
      log: this.#sources.log,
      routing: () => this.#sources.configuration().routing,
      myhostname: () => this.#sources.configuration().options.myhostname,
    })
    return state.milters.connect(this.#questions.request(session, 'CONNECT'))
  }

  helo(session: SmtpSession, verb: 'HELO' | 'EHLO' | 'LHLO'): Answer<SmtpReply | undefined> {
    return after(
      this.#questions.ask('helo', verb, session),
      (refused) =>
        refused ?? this.#stateOf(session).milters?.helo(session.helo, this.#questions.request(session, verb)),
    )
  }

  startTls(session: SmtpSession): Answer<SmtpReply | undefined> {
    this.#countForClient('newtls', this.#stateOf(session))
    const tooMany = this.#sources.configuration().limits?.count('tls session', session)
    return after(tooMany, (refusal) => (refusal === undefined ? undefined : replyOf(refusal)))
  }

  command(session: SmtpSession, line: string): string {
    return this.#sources.configuration().commandFilter?.(line, session) ?? line
  }

  forbids(_session: SmtpSession, verb: string): boolean {
    return this.#sources.configuration().forbidsCommand?.(verb) === true
  }

  unknown(session: SmtpSession, line: string): Answer<SmtpReply | undefined> {
    return this.#stateOf(session).milters?.unknown(line, this.#questions.request(session, 'UNKNOWN'))
  }

  async authenticate(session: SmtpSession, credentials: Credentials): Promise<LoginAnswer> {
    this.#countForClient('auth', this.#stateOf(session))
    const tooMany = await this.#sources.configuration().limits?.count('authentication', session)
    return tooMany === undefined
      ? await logIn(
          session,
          this.#stateOf(session),
          { ...credentials, authcid: this.#withDomain(credentials.authcid) },
          this.#sources,
        )
      : { ok: false, reply: replyOf(tooMany) }
  }

  scramVerifier(_session: SmtpSession, authcid: string): Promise<string> {
    return this.#sources.accounts.scramVerifier(this.#withDomain(authcid))
  }

  #withDomain(authcid: string): string {
    return withLocalDomain(authcid, this.#sources.configuration().options.saslLocalDomain)
  }

  mail(session: SmtpSession, from: MailFrom): Answer<MailAnswer> {
    const configuration = this.#sources.configuration()
    return after(configuration.limits?.count('message', session), (tooMany) =>
      tooMany === undefined ? this.#beginMail(session, from, configuration) : { reply: replyOf(tooMany) },
    )
  }

  #beginMail(session: SmtpSession, from: MailFrom, configuration: ReceiveConfiguration): Answer<MailAnswer> {
    const { dataFolder, minFreeBytes = 0 } = configuration.options
    const wrong = verpRefusal(from, configuration.options)
    if (wrong !== undefined) return { reply: wrong }
    if (dataFolder !== undefined && !this.#space.hasRoom(dataFolder, from.sizeBytes ?? 0, minFreeBytes)) {
      const request = { ...this.#questions.request(session, 'MAIL'), sender: from.address }
      this.#log('info', policyLogText('reject', request, refusalText(noSpace)), 'NOQUEUE')
      return { reply: replyOf(noSpace) }
    }
    const policy = policyFor(configuration, session)
    const state = this.#stateOf(session)
    state.transactions++
    forgetGoodMail(session, state)
    this.#countForClient('message', state)
    const mail = new SmtpMail(session, state, from, configuration, policy, this.#mailSources)
    return after(
      answered(() => mail.begin()),
      (refused) => (refused === undefined ? { reply: mailOk, transaction: mail } : { reply: refused }),
    )
  }

  async vrfy(session: SmtpSession, argument: string): Promise<SmtpReply> {
    const { sender } = this.#stateOf(session)
    return vrfy(argument, this.#sources.configuration(), (recipient) =>
      this.#questions.ask('rcpt', 'VRFY', session, { recipient, ...(sender === '' ? {} : { sender }) }),
    )
  }

  async expn(session: SmtpSession, argument: string): Promise<SmtpReply> {
    return expn(argument, session, this.#sources.configuration())
  }

  async etrn(session: SmtpSession, argument: string): Promise<SmtpReply> {
    const configuration = this.#sources.configuration()
    const refused = await this.#questions.ask('etrn', 'ETRN', session, { etrnDomain: argument })
    if (refused !== undefined) return refused
    const answer = await etrn(argument, configuration, this.#sources.store.queue, this.#sources.now())
    if (answer.code >= 400)
      this.#log('warning', `reject: ETRN ${argument.slice(0, 100)}... from ${clientOf(session)}`)
    return answer
  }

  refused(session: SmtpSession, reply: SmtpReply): SmtpReply {
    const { rejectFooter, notices } = this.#sources.configuration()
    const trouble = notices === undefined ? undefined : troubleOf(reply)
    if (trouble !== undefined)
      this.#stateOf(session).trouble = (this.#stateOf(session).trouble ?? new Set()).add(trouble)
    return rejectFooter === undefined ? reply : rejectFooter(reply, session, this.#stateOf(session).sender)
  }

  disconnect(session: SmtpSession, counts: CommandCounts): void {
    const state = this.#states.get(session)
    if (state !== undefined) endState(state)
    state?.gone?.()
    if (state?.counted !== undefined) this.#sources.statistics?.disconnected(state.counted)
    this.#log('info', `disconnect from ${clientOf(session)}${countsText(counts)}`)
    this.#tell(session, state)
  }

  /** Postfix: smtpd_chat_notify(). */
  #tell(session: SmtpSession, state: SessionState | undefined): void {
    const { notices } = this.#sources.configuration()
    if (notices === undefined || state?.trouble === undefined) return
    const notice = sessionNotice(session, state.trouble, clientOf(session), notices)
    if (notice !== undefined) this.#sources.notify?.(notice)
  }

  note(session: SmtpSession, what: string): void {
    const state = this.#stateOf(session)
    if (what.startsWith('improper command pipelining')) state.improperPipelining = true
    if (what.startsWith('PREGREET') && state.onPregreet === 'enforce') state.screened ??= pregreetRefusal
    const warning = /^warning: /.exec(what)
    this.#log(warning === null ? 'info' : 'warning', warning === null ? what : what.slice(warning[0].length))
  }

  #stateOf(session: SmtpSession): SessionState {
    const found = this.#states.get(session)
    if (found !== undefined) return found
    const state = newSessionState(session)
    this.#states.set(session, state)
    return state
  }

  #log(level: 'info' | 'warning', text: string, queueId?: string): void {
    this.#sources.log(
      queueId === undefined ? { level, service: 'smtpd', text } : { level, service: 'smtpd', text, queueId },
    )
  }
}

const endpointsOf = ({ clientAddress, clientPort, localAddress, localPort }: SmtpSession) => ({
  clientAddress,
  clientPort,
  localAddress,
  localPort,
})
