import type { Accounts } from '@posthorn/accounts'
import { clientName, type Resolver } from '@posthorn/dns'
import type { Log } from '@posthorn/mail'
import type { Answer, MailFrom, SmtpHandler, SmtpReply, SmtpSession, SmtpTransaction } from '@posthorn/smtp'
import type { Store } from '@posthorn/storage'
import {
  type Policy,
  type PolicyCommand,
  type PolicyRequest,
  policyLogText,
  refusalText,
} from '../policy/index.ts'
import { isLoopback } from './header-clients.ts'
import { createMailboxRoom } from './mailbox-room.ts'
import { MilterGuard } from './milter-guard.ts'
import { etrn, expn, vrfy } from './queries.ts'
import type { ReceiveConfiguration } from './receive-options.ts'
import { reply, replyOf } from './refusals.ts'
import { clientOf, newSessionState, type SessionState, sessionRequest } from './session-state.ts'
import { type MailSources, SmtpMail } from './smtp-mail.ts'

export interface ReceiverSources {
  readonly store: Pick<Store, 'queue' | 'messages' | 'mailboxes'>
  readonly accounts: Pick<Accounts, 'authenticate'>
  readonly dns: Resolver
  readonly log: Log
  readonly now: () => number
  /** Asked at each step, so that a reload acts at once. */
  readonly configuration: () => ReceiveConfiguration
}

const defaultNameTimeoutMs = 5_000
const mailOk = reply(250, '2.1.0', 'Ok')

/** Decides about sessions and takes mail in: Postfix's smtpd, cleanup and local in one. */
export function createReceiver(sources: ReceiverSources): SmtpHandler {
  return new Receiver(sources)
}

class Receiver implements SmtpHandler {
  readonly #sources: ReceiverSources
  readonly #mailSources: MailSources
  readonly #states = new WeakMap<SmtpSession, SessionState>()

  constructor(sources: ReceiverSources) {
    this.#sources = sources
    const { store, log, now } = sources
    this.#mailSources = { store, log, now, room: createMailboxRoom(store, now) }
  }

  async connect(session: SmtpSession): Promise<SmtpReply> {
    const { options, mynetworks, gatewayGuard } = this.#sources.configuration()
    const state = this.#stateOf(session)
    const inMyNetworks =
      mynetworks.has(session.clientAddress) && (gatewayGuard?.trusts(session.clientAddress) ?? true)
    session.trusted = inMyNetworks
    state.client = { ...state.client, inMyNetworks }
    if (isLoopback(session.clientAddress)) {
      const name = { name: 'localhost', reverseName: 'localhost', status: 'ok', reverseStatus: 'ok' } as const
      state.client = { ...state.client, name }
    } else if (!inMyNetworks && options.clientNames !== 'unknown') {
      const timeoutMs = options.clientNameTimeoutMs ?? defaultNameTimeoutMs
      const name = await clientName(this.#sources.dns, session.clientAddress, timeoutMs)
      state.client = { ...state.client, name }
    }
    session.clientName = state.client.name.name
    this.#log('info', `connect from ${clientOf(session)}`)
    const tooMany = await this.#sources.configuration().limits?.count('connection', session)
    if (tooMany !== undefined) return replyOf(tooMany)
    const refused = await this.#ask('connect', 'CONNECT', session)
    if (refused !== undefined) return refused
    return (await this.#openMilters(session, state)) ?? { code: 220, text: options.banner }
  }

  /** undefined: go on. */
  async #openMilters(session: SmtpSession, state: SessionState): Promise<SmtpReply | undefined> {
    const milters = this.#sources.configuration().milters?.forClient(session.clientAddress)
    if (milters === undefined) return undefined
    state.milters = new MilterGuard(milters, session, state, {
      log: this.#sources.log,
      routing: () => this.#sources.configuration().routing,
      myhostname: () => this.#sources.configuration().options.myhostname,
    })
    return state.milters.connect(this.#request(session, 'CONNECT'))
  }

  async helo(session: SmtpSession, verb: 'HELO' | 'EHLO' | 'LHLO'): Promise<SmtpReply | undefined> {
    const refused = await this.#ask('helo', verb, session)
    if (refused !== undefined) return refused
    return this.#stateOf(session).milters?.helo(session.helo, this.#request(session, verb))
  }

  unknown(session: SmtpSession, line: string): Answer<SmtpReply | undefined> {
    return this.#stateOf(session).milters?.unknown(line, this.#request(session, 'UNKNOWN'))
  }

  async authenticate(
    session: SmtpSession,
    credentials: Parameters<SmtpHandler['authenticate']>[1],
  ): Promise<
    { readonly ok: true; readonly address: string } | { readonly ok: false; readonly reply: SmtpReply }
  > {
    const tooMany = await this.#sources.configuration().limits?.count('authentication', session)
    if (tooMany !== undefined) return { ok: false, reply: replyOf(tooMany) }
    const service = session.service === 'mx' ? 'smtpd' : session.service
    const result = await this.#sources.accounts.authenticate(credentials, {
      clientAddress: session.clientAddress,
      service,
      trusted: session.trusted,
    })
    if (result.ok) return { ok: true, address: result.account.address }
    const temporary = result.reason === 'throttled' || result.reason === 'unavailable'
    const why = temporary ? 'Temporary authentication failure' : 'authentication failure'
    this.#log('warning', `${clientOf(session)}: SASL ${credentials.mechanism} authentication failed: ${why}`)
    return {
      ok: false,
      reply: temporary
        ? reply(454, '4.7.0', 'Temporary authentication failure')
        : reply(535, '5.7.8', 'Error: authentication failed: authentication failure'),
    }
  }

  async mail(
    session: SmtpSession,
    from: MailFrom,
  ): Promise<{ readonly reply: SmtpReply; readonly transaction?: SmtpTransaction }> {
    const configuration = this.#sources.configuration()
    if (configuration.limits !== undefined) {
      const tooMany = await configuration.limits.count('message', session)
      if (tooMany !== undefined) return { reply: replyOf(tooMany) }
    }
    const policy = policyOf(configuration, session)
    const state = this.#stateOf(session)
    state.transactions++
    const mail = new SmtpMail(session, state, from, configuration, policy, this.#mailSources)
    const refused = await mail.begin()
    return refused === undefined ? { reply: mailOk, transaction: mail } : { reply: refused }
  }

  async vrfy(session: SmtpSession, argument: string): Promise<SmtpReply> {
    return vrfy(argument, session, this.#sources.configuration())
  }

  expn(): SmtpReply {
    return expn()
  }

  async etrn(session: SmtpSession, argument: string): Promise<SmtpReply> {
    const configuration = this.#sources.configuration()
    const refused = await this.#ask('etrn', 'ETRN', session, argument)
    if (refused !== undefined) return refused
    return etrn(argument, configuration, this.#sources.store.queue, this.#sources.now())
  }

  disconnect(
    session: SmtpSession,
    counts: Readonly<Record<string, readonly [accepted: number, total: number]>>,
  ): void {
    this.#states.get(session)?.milters?.quit()
    let accepted = 0
    let total = 0
    let text = `disconnect from ${clientOf(session)}`
    for (const [name, [good, all]] of Object.entries(counts)) {
      if (all === 0) continue
      accepted += good
      total += all
      text += ` ${name}=${counted(good, all)}`
    }
    this.#log('info', `${text} commands=${counted(accepted, total)}`)
  }

  note(session: SmtpSession, what: string): void {
    if (what.startsWith('improper command pipelining')) this.#stateOf(session).improperPipelining = true
    const warning = /^warning: /.exec(what)
    this.#log(warning === null ? 'info' : 'warning', warning === null ? what : what.slice(warning[0].length))
  }

  /** undefined: go on. */
  async #ask(
    command: PolicyCommand,
    said: string,
    session: SmtpSession,
    etrnDomain?: string,
  ): Promise<SmtpReply | undefined> {
    const policy = policyOf(this.#sources.configuration(), session)
    const request = {
      ...this.#request(session, said),
      ...(etrnDomain === undefined ? {} : { etrnDomain }),
    }
    const { refusal } = await policy.ask(command, request)
    if (refusal === undefined) return undefined
    this.#log('info', policyLogText('reject', request, refusalText(refusal)), 'NOQUEUE')
    return replyOf(refusal)
  }

  #request(session: SmtpSession, said: string): PolicyRequest {
    return {
      ...sessionRequest(session, this.#stateOf(session), said),
      sender: undefined,
      recipient: undefined,
      recipientCount: 0,
      sizeBytes: undefined,
      queueId: '',
    }
  }

  #stateOf(session: SmtpSession): SessionState {
    const found = this.#states.get(session)
    if (found !== undefined) return found
    const state = newSessionState(session)
    this.#states.set(session, state)
    return state
  }

  #log(level: 'info' | 'warning', text: string, queueId?: string): void {
    this.#sources.log({ level, service: 'smtpd', text, ...(queueId === undefined ? {} : { queueId }) })
  }
}

function counted(good: number, all: number): string {
  return good === all ? String(all) : `${good}/${all}`
}

function policyOf(configuration: ReceiveConfiguration, session: SmtpSession): Policy {
  const isSubmission = session.service === 'submission' || session.service === 'submissions'
  return isSubmission ? (configuration.submissionPolicy ?? configuration.policy) : configuration.policy
}
