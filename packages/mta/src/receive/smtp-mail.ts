import { isDeepStrictEqual } from 'node:util'
import { type Log, receivedField } from '@posthorn/mail'
import type { Answer, MailFrom, RcptTo, SmtpReply, SmtpSession, SmtpTransaction } from '@posthorn/smtp'
import type { EnvelopeOptions, Origin, QueueId, Store } from '@posthorn/storage'
import { type CheckedMail, ContentFilter } from '../checks/index.ts'
import { MilterContent } from '../milter/index.ts'
import {
  type Effect,
  type Policy,
  type PolicyOutcome,
  type PolicyRequest,
  policyLogText,
  type Refusal,
  refusalText,
} from '../policy/index.ts'
import type { EnvelopeRecipient } from '../routing/index.ts'
import { acceptMessage } from './accept-message.ts'
import type { ClientLimits } from './client-limits.ts'
import { recipientsAfter } from './envelope-effects.ts'
import { isLoopback } from './header-clients.ts'
import type { MailboxRoom } from './mailbox-room.ts'
import { type MessageIntake, openIntake } from './message-intake.ts'
import { type EditedEnvelope, EnvelopeEdits } from './milter-edits.ts'
import type { GuardVerdict, MilterGuard } from './milter-guard.ts'
import {
  defaultHopcountLimit,
  defaultMessageSizeLimitBytes,
  type ReceiveConfiguration,
} from './receive-options.ts'
import { faultReply, reply, replyOf, tooLarge, tooManyHops } from './refusals.ts'
import { clientOf, type SessionState, sessionRequest } from './session-state.ts'

export interface MailSources {
  readonly store: Pick<Store, 'queue' | 'messages'>
  readonly room: MailboxRoom
  readonly log: Log
  readonly now: () => number
}

const accepted = reply(250, '2.1.5', 'Ok')
const goAhead: SmtpReply = { code: 354, text: 'End data with <CR><LF>.<CR><LF>' }
const notOwned = (sender: string, user: string): Refusal => ({
  code: 553,
  status: '5.7.1',
  text: `<${sender}>: Sender address rejected: not owned by user ${user}`,
})

/** One mail transaction of an SMTP or LMTP session, from MAIL to the answer to the message. */
export class SmtpMail implements SmtpTransaction {
  queueId: QueueId | '' = ''
  readonly #session: SmtpSession
  readonly #state: SessionState
  readonly #from: MailFrom
  readonly #configuration: ReceiveConfiguration
  readonly #policy: Policy
  readonly #sources: MailSources
  readonly #arrivedMs: number
  #recipients: EnvelopeRecipient[] = []
  #effects: Effect[] = []
  #intake: MessageIntake | undefined
  /** The message while filters may still change it. */
  #content: MilterContent | undefined

  constructor(
    session: SmtpSession,
    state: SessionState,
    from: MailFrom,
    configuration: ReceiveConfiguration,
    policy: Policy,
    sources: MailSources,
  ) {
    this.#session = session
    this.#state = state
    this.#from = from
    this.#configuration = configuration
    this.#policy = policy
    this.#sources = sources
    this.#arrivedMs = sources.now()
  }

  /** Answer to MAIL itself; undefined: go on. */
  begin(): Answer<SmtpReply | undefined> {
    const { options, routing } = this.#configuration
    const user = this.#session.user?.address
    const sender = this.#from.address
    if (
      options.senderMustMatchLogin === 'yes' &&
      user !== undefined &&
      sender !== '' &&
      !routing.owns(user, sender, '+')
    ) {
      return replyOf(this.#refused(notOwned(sender, user), this.#request('MAIL', undefined)))
    }
    const request = this.#request('MAIL', undefined)
    const outcome = this.#policy.ask('mail', request)
    const go = (judged: PolicyOutcome): Answer<SmtpReply | undefined> => {
      const refusal = this.#judged(judged, request)
      return refusal === undefined ? this.#filterMail(request) : replyOf(refusal)
    }
    return outcome instanceof Promise ? outcome.then(go) : go(outcome)
  }

  #filterMail(request: PolicyRequest): Answer<SmtpReply | undefined> {
    const { milters } = this.#state
    return milters?.mail(this.#from, request).then((verdict) => this.#filtered(verdict))
  }

  /** The refusal; HOLD and DISCARD are kept for the end. */
  #filtered(verdict: GuardVerdict): SmtpReply | undefined {
    if (verdict === 'hold' || verdict === 'discard') this.#keep({ kind: verdict, text: '' })
    else return verdict
    return undefined
  }

  /** Who discards the message need not hear more of it. */
  get #milters(): MilterGuard | undefined {
    const { milters } = this.#state
    return this.#effects.some(({ kind }) => kind === 'discard') ? undefined : milters
  }

  async rcpt(recipient: RcptTo): Promise<SmtpReply> {
    const { address } = recipient
    if (this.#configuration.limits !== undefined) {
      const tooMany = await this.#tooManyRecipients(this.#configuration.limits)
      if (tooMany !== undefined) return replyOf(tooMany)
    }
    const request = this.#request('RCPT', address)
    const answer = this.#policy.ask('rcpt', request)
    const outcome = answer instanceof Promise ? await answer : answer
    const refusal = this.#judged(outcome, request)
    if (refusal !== undefined) {
      await this.#milters?.rejectedRcpt(recipient, replyOf(refusal), request)
      return replyOf(refusal)
    }
    const full = await this.#sources.room.refusal(
      address,
      this.#from.sizeBytes ?? 0,
      this.#configuration.routing,
    )
    if (full !== undefined) return replyOf(this.#refused(full, request))
    const filtered = this.#filtered(await this.#milters?.rcpt(recipient, this.#from.address, request))
    if (filtered !== undefined) return filtered
    if (this.queueId === '') this.#open()
    const { notify, originalRecipient } = recipient
    this.#recipients.push({
      address,
      ...(notify === undefined ? {} : { notify }),
      ...(originalRecipient === undefined ? {} : { originalRecipient }),
    })
    return accepted
  }

  async #tooManyRecipients(limits: ClientLimits): Promise<Refusal | undefined> {
    return (await limits.count('recipient', this.#session)) ?? (await limits.countForAccount(this.#session))
  }

  data(): Answer<SmtpReply> {
    const request = this.#request('DATA', undefined)
    const go = (outcome: PolicyOutcome): Answer<SmtpReply> => {
      const refusal = this.#judged(outcome, request)
      if (refusal !== undefined) return replyOf(refusal)
      const verdict = this.#milters?.data(this.#request('DATA', this.#recipients.at(-1)?.address))
      if (verdict === undefined) return this.#startContent()
      return verdict.then((later) => this.#filtered(later) ?? this.#startContent())
    }
    const outcome = this.#policy.ask('data', request)
    return outcome instanceof Promise ? outcome.then(go) : go(outcome)
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    return this.#intake?.write(chunk)
  }

  async end(): Promise<SmtpReply> {
    const intake = this.#intake
    if (intake === undefined || this.queueId === '') return reply(451, '4.3.0', 'Error: no message')
    this.#intake = undefined
    try {
      return await this.#finish(intake, this.queueId)
    } catch (error) {
      const refused = faultReply(error)
      this.#log('error', `cannot store message: ${refused.text}`, error)
      await this.#drop(intake)
      return refused
    } finally {
      this.#state.milters?.abort()
    }
  }

  async abort(_reason: string): Promise<void> {
    const intake = this.#intake
    this.#intake = undefined
    this.#state.milters?.abort()
    if (intake !== undefined) await this.#drop(intake)
  }

  async #finish(intake: MessageIntake, queueId: QueueId): Promise<SmtpReply> {
    const refused = await this.#refusalOfContent(intake)
    if (refused !== undefined) {
      await this.#drop(intake)
      return refused
    }
    const { routing } = this.#configuration
    const entered = { sender: routing.complete(this.#from.address), recipients: this.#recipients }
    const envelope = (await this.#filterMessage(entered)) ?? entered
    if ('code' in envelope) {
      await this.#drop(intake)
      return envelope
    }
    const nobody = envelope.recipients.length === 0
    if (nobody || this.#effects.some(({ kind }) => kind === 'discard')) {
      await this.#drop(intake)
      return reply(250, '2.0.0', `Ok: queued as ${queueId}`)
    }
    const message = await intake.finish()
    const received = {
      queueId,
      sender: envelope.sender,
      recipients: recipientsAfter(this.#effects, envelope.recipients),
      options: envelopeOptions(this.#from),
      origin: originOf(this.#session),
      arrivedMs: this.#arrivedMs,
      hold: this.#effects.some((effect) => effect.kind === 'hold') ? ('held' as const) : ('free' as const),
      facts: intake.facts,
    }
    return acceptMessage(received, message, { ...this.#sources, routing })
  }

  async #refusalOfContent(intake: MessageIntake): Promise<SmtpReply | undefined> {
    if (intake.tooLarge) return tooLarge
    const hops = this.#configuration.options.hopcountLimit ?? defaultHopcountLimit
    if (intake.facts.hops > hops) {
      this.#log('info', `reject: too many hops from ${clientOf(this.#session)}; from=<${this.#from.address}>`)
      return tooManyHops
    }
    const request = { ...this.#request('END-OF-MESSAGE', undefined), sizeBytes: intake.sizeBytes }
    const refusal = this.#judged(await this.#policy.ask('end-of-data', request), request)
    if (refusal !== undefined) return replyOf(refusal)
    const checked = await intake.checked()
    for (const effect of checked?.effects ?? []) this.#keep(effect)
    return checked?.refusal === undefined ? undefined : replyOf(checked.refusal)
  }

  /** smtpd_milters have their say: the envelope as they leave it, or a refusal. */
  async #filterMessage(entered: EditedEnvelope): Promise<EditedEnvelope | SmtpReply | undefined> {
    const content = this.#content
    const guard = this.#milters
    if (content === undefined || guard === undefined) return undefined
    const { options, routing, milters } = this.#configuration
    const edits = new EnvelopeEdits(entered, {
      maxBodyBytes: options.messageSizeLimitBytes || Number.POSITIVE_INFINITY,
      complete: routing.complete,
      headerChecks: milters?.headerChecks ?? [],
      mail: { ...this.#checkedMail(), origin: 'milter' },
    })
    const request = this.#request('END-OF-MESSAGE', this.#recipients.at(-1)?.address)
    const refused = this.#filtered(await guard.message(content, edits, request))
    for (const effect of edits.effects) this.#keep(effect)
    return refused ?? (edits.refusal === undefined ? edits : replyOf(edits.refusal))
  }

  #checkedMail(): CheckedMail {
    const session = this.#session
    return {
      log: this.#sources.log,
      queueId: this.queueId,
      client: clientOf(session),
      sender: this.#from.address,
      recipient: this.#recipients[0]?.address ?? '',
      protocol: session.protocol,
      helo: session.helo,
    }
  }

  #filter(): ContentFilter | undefined {
    const { contentChecks } = this.#configuration
    return contentChecks === undefined ? undefined : new ContentFilter(contentChecks, this.#checkedMail())
  }

  #startContent(): SmtpReply {
    if (this.queueId === '') return reply(554, '5.5.1', 'Error: no valid recipients')
    const { options, routing } = this.#configuration
    const nowMs = this.#sources.now()
    const offsetMinutes = options.offsetMinutes?.() ?? 0
    const isOwn = options.addMissingHeaders === 'always' || this.#isOwnClient()
    this.#content = this.#milters === undefined ? undefined : new MilterContent()
    try {
      this.#intake = openIntake(this.#sources.store.messages, {
        trace: [...this.#prepended(), this.#received(nowMs, offsetMinutes)],
        filter: this.#filter(),
        content: this.#content,
        sizeLimitBytes: options.messageSizeLimitBytes ?? defaultMessageSizeLimitBytes,
        own: isOwn
          ? {
              myhostname: options.myhostname,
              queueId: this.queueId,
              sender: routing.complete(this.#from.address),
              nowMs,
              offsetMinutes,
              rewrites: routing.headerRewrites,
            }
          : undefined,
      })
      return goAhead
    } catch (error) {
      this.#log('error', 'cannot begin a message', error)
      return faultReply(error)
    }
  }

  /** Whose header is ours to mend. */
  #isOwnClient(): boolean {
    const { headerClients } = this.#configuration
    const session = this.#session
    if (headerClients !== undefined) return headerClients(session)
    return session.user !== undefined || isLoopback(session.clientAddress)
  }

  #received(nowMs: number, offsetMinutes: number): Buffer {
    const { options, routing } = this.#configuration
    const session = this.#session
    const only = this.#recipients.length === 1 ? this.#recipients[0]?.address : undefined
    return receivedField({
      helo: session.helo,
      clientName: session.clientName,
      clientAddress: session.clientAddress,
      host: options.myhostname,
      protocol: session.protocol,
      queueId: this.queueId,
      nowMs,
      offsetMinutes,
      ...(session.tls === undefined ? {} : { tls: session.tls }),
      ...(session.user === undefined || options.authenticatedHeader !== 'yes'
        ? {}
        : { user: session.user.address }),
      ...(only === undefined ? {} : { recipient: routing.complete(only) }),
    })
  }

  /** access(5) PREPEND: above our own Received, as in Postfix. */
  #prepended(): Buffer[] {
    return this.#effects.flatMap((effect) =>
      effect.kind === 'prepend' ? [Buffer.from(`${effect.field}\r\n`)] : [],
    )
  }

  #open(): void {
    const session = this.#session
    this.queueId = this.#sources.store.queue.newId(this.#arrivedMs)
    const sasl =
      session.user === undefined
        ? ''
        : `, sasl_method=${session.user.method}, sasl_username=${session.user.address}`
    this.#log('info', `client=${clientOf(session)}${sasl}`)
  }

  #request(command: string, recipient: string | undefined): PolicyRequest {
    return {
      ...sessionRequest(this.#session, this.#state, command),
      sender: this.#from.address,
      recipient,
      recipientCount: this.#recipients.length,
      sizeBytes: this.#from.sizeBytes,
      queueId: this.queueId,
    }
  }

  /** Takes effects over, logs; the refusal if there is one. */
  #judged(outcome: PolicyOutcome, request: PolicyRequest): Refusal | undefined {
    for (const effect of outcome.effects) {
      if (outcome.refusal === undefined) this.#keep(effect)
      if ('text' in effect)
        this.#logPolicy(effect.kind === 'inform' ? 'info' : effect.kind, request, effect.text)
    }
    return outcome.refusal === undefined ? undefined : this.#refused(outcome.refusal, request)
  }

  /** Lists that are asked at each recipient say the same thing again. */
  #keep(effect: Effect): void {
    if (!this.#effects.some((one) => isDeepStrictEqual(one, effect))) this.#effects.push(effect)
  }

  #refused(refusal: Refusal, request: PolicyRequest): Refusal {
    this.#logPolicy('reject', request, refusalText(refusal))
    return refusal
  }

  #logPolicy(action: string, request: PolicyRequest, said: string): void {
    const queueId = this.queueId === '' ? 'NOQUEUE' : this.queueId
    this.#sources.log({
      level: 'info',
      service: 'smtpd',
      queueId,
      text: policyLogText(action, request, said),
    })
  }

  #log(level: 'info' | 'error', text: string, error?: unknown): void {
    const queueId = this.queueId === '' ? 'NOQUEUE' : this.queueId
    this.#sources.log({ level, service: 'smtpd', queueId, text, ...(error === undefined ? {} : { error }) })
  }

  async #drop(intake: MessageIntake): Promise<void> {
    try {
      await intake.abort()
    } catch (error) {
      this.#log('error', 'cannot discard a message that was refused', error)
    }
  }
}

function envelopeOptions(from: MailFrom): EnvelopeOptions {
  return {
    ...(from.ret === undefined ? {} : { ret: from.ret }),
    ...(from.envid === undefined ? {} : { envid: from.envid }),
    ...(from.smtpUtf8 ? { smtpUtf8: true as const } : {}),
    ...(from.body === undefined ? {} : { body: from.body }),
    ...(from.requireTls ? { requireTls: true as const } : {}),
  }
}

function originOf(session: SmtpSession): Origin {
  return {
    clientName: session.clientName,
    clientAddress: session.clientAddress,
    helo: session.helo,
    protocol: session.protocol,
    ...(session.user === undefined
      ? {}
      : { saslMethod: session.user.method, saslUsername: session.user.address }),
  }
}
