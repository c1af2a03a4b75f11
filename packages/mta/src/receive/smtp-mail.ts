import type { Resolver } from '@posthorn/dns'
import type { Log } from '@posthorn/mail'
import type { Answer, MailFrom, RcptTo, SmtpReply, SmtpSession, SmtpTransaction } from '@posthorn/smtp'
import type { QueueId, Store } from '@posthorn/storage'
import type { CheckedMail } from '../checks/index.ts'
import type { MilterContent } from '../milter/index.ts'
import { type Policy, type PolicyRequest, policyLogText, SignatureCheck } from '../policy/index.ts'
import type { DirectDelivery } from '../queue/direct-delivery.ts'
import type { EnvelopeRecipient } from '../routing/index.ts'
import { acceptMessage, type Received } from './accept-message.ts'
import { after } from './answer.ts'
import { onlyRecipient, refusalOfContent } from './content-refusal.ts'
import { filterAfter, recipientsAfter } from './envelope-effects.ts'
import { checkedMail, filterMessage } from './filtered-message.ts'
import { foreignSender } from './foreign-sender.ts'
import { type MailContent, openContent, passedContent } from './mail-content.ts'
import { MailVerdicts } from './mail-verdicts.ts'
import type { MailboxRoom } from './mailbox-room.ts'
import type { MessageIntake } from './message-intake.ts'
import type { EditedEnvelope } from './milter-edits.ts'
import type { MilterGuard } from './milter-guard.ts'
import { ProxiedMail } from './proxied-mail.ts'
import { defaultHopcountLimit, type ReceiveConfiguration } from './receive-options.ts'
import { recipientRefusal } from './recipient-refusal.ts'
import { faultReply, reply, replyOf } from './refusals.ts'
import { clientText, type SessionState } from './session-state.ts'
import { envelopeOptions, isOwnClient, originOf, type TracedMail, traceFields } from './smtp-trace.ts'
import { verpOf } from './verp.ts'

export interface MailSources {
  readonly store: Pick<Store, 'queue' | 'messages'>
  readonly dns: Resolver
  readonly room: MailboxRoom
  readonly countRecipient: (state: SessionState) => void
  readonly direct: DirectDelivery | undefined
  readonly log: Log
  readonly now: () => number
}

const accepted = reply(250, '2.1.5', 'Ok')
const goAhead: SmtpReply = { code: 354, text: 'End data with <CR><LF>.<CR><LF>' }
/**
 * One mail transaction of an SMTP or LMTP session, from MAIL to the answer to the message. Everything up to the
 * content is answered at once where nothing has to be waited for.
 */
export class SmtpMail implements SmtpTransaction {
  readonly #session: SmtpSession
  readonly #state: SessionState
  readonly #from: MailFrom
  readonly #configuration: ReceiveConfiguration
  readonly #policy: Policy
  readonly #sources: MailSources
  readonly #arrivedMs: number
  readonly #verdicts: MailVerdicts
  #recipients: EnvelopeRecipient[] = []
  #content: MailContent | undefined
  /** Discarded before its content: Postfix's cleanup(8) never sees such a message. */
  #unseen = false
  /** Present where a filter before the queue has the message. Postfix: smtpd_proxy_filter. */
  readonly #proxied: ProxiedMail | undefined

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
    this.#verdicts = new MailVerdicts(session, state, from, sources.log)
    state.sender = from.address
    const { proxyFilter } = configuration.options
    const { log } = sources
    this.#proxied = proxyFilter && new ProxiedMail(proxyFilter, { session, from, source: this.#source, log })
  }

  /** Whether the header is ours to rewrite. */
  get #source(): 'local' | 'remote' {
    return isOwnClient(this.#session, this.#configuration) ? 'local' : 'remote'
  }

  get queueId(): QueueId | '' {
    return this.#verdicts.queueId
  }

  /** Answer to MAIL itself; undefined: go on. */
  begin(): Answer<SmtpReply | undefined> {
    const notOwned = foreignSender(this.#configuration, this.#session, this.#from)
    if (notOwned !== undefined)
      return replyOf(this.#verdicts.refused(notOwned, this.#request('MAIL', undefined)))
    if (!this.#policy.asks('mail') && this.#state.milters === undefined) return undefined
    const request = this.#request('MAIL', undefined)
    return after(this.#policy.ask('mail', request), (outcome) => {
      const refusal = this.#verdicts.judged(outcome, request)
      if (refusal !== undefined) return replyOf(refusal)
      const verdict = this.#state.milters?.mail(this.#from, request)
      return verdict?.then((later) => this.#verdicts.filtered(later))
    })
  }

  /** Who discards the message need not hear more of it. */
  get #milters(): MilterGuard | undefined {
    const { milters } = this.#state
    return milters === undefined || this.#verdicts.has('discard') ? undefined : milters
  }

  rcpt(recipient: RcptTo): Answer<SmtpReply> {
    this.#sources.countRecipient(this.#state)
    const refusal = recipientRefusal(recipient, {
      session: this.#session,
      state: this.#state,
      from: this.#from,
      configuration: this.#configuration,
      policy: this.#policy,
      room: this.#sources.room,
      verdicts: this.#verdicts,
      milters: () => this.#milters,
      recipientCount: this.#recipients.length,
    })
    return after(
      refusal,
      (refused): Answer<SmtpReply> =>
        refused ??
        (this.#proxied === undefined ? this.#take(recipient) : this.#passOn(recipient, this.#proxied)),
    )
  }

  /** What the filter does not take nobody takes. */
  async #passOn(recipient: RcptTo, proxied: ProxiedMail): Promise<SmtpReply> {
    if (this.#recipients.length === 0) this.#verdicts.log('info', clientText(this.#session))
    const said = await proxied.rcpt(recipient)
    if (said.code < 400) this.#recipients.push({ address: recipient.address })
    return said
  }

  #take({ address, notify, originalRecipient }: RcptTo): SmtpReply {
    if (this.queueId === '') this.#open()
    this.#recipients.push(
      notify === undefined && originalRecipient === undefined
        ? { address }
        : { address, notify, originalRecipient },
    )
    return accepted
  }

  data(): Answer<SmtpReply> {
    if (!this.#policy.asks('data') && this.#state.milters === undefined) return this.#startContent()
    const request = this.#request('DATA', onlyRecipient(this.#recipients))
    return after(this.#policy.ask('data', request), (outcome): Answer<SmtpReply> => {
      const refusal = this.#verdicts.judged(outcome, request)
      if (refusal !== undefined) return replyOf(refusal)
      const verdict = this.#milters?.data(this.#request('DATA', this.#recipients.at(-1)?.address))
      return after(verdict, (later) => this.#verdicts.filtered(later) ?? this.#startContent())
    })
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    return this.#content?.write(chunk)
  }

  async end(): Promise<SmtpReply> {
    const content = this.#content
    if (content === undefined) return reply(451, '4.3.0', 'Error: no message')
    this.#content = undefined
    try {
      return await (this.#proxied === undefined
        ? this.#finish(content)
        : this.#finishProxied(content, this.#proxied))
    } catch (error) {
      const refused = faultReply(error)
      this.#verdicts.log('error', `cannot store message: ${refused.text}`, error)
      await this.#drop(content)
      return refused
    } finally {
      this.#state.milters?.abort()
    }
  }

  async abort(reason: string): Promise<void> {
    const content = this.#content
    this.#state.sender = ''
    if (reason === 'bare <LF> received') {
      const recipient = this.#recipients.at(-1)?.address
      this.#verdicts.log('info', policyLogText('reject', this.#request('END-OF-MESSAGE', recipient), reason))
    }
    if (reason === 'message too large') this.#verdicts.log('warning', 'queue file size limit exceeded')
    this.#content = undefined
    this.#state.milters?.abort()
    if (content !== undefined) await this.#drop(content)
    await this.#proxied?.close()
  }

  async #finishProxied(content: MailContent, proxied: ProxiedMail): Promise<SmtpReply> {
    const refused = await this.#judge(content)
    if (refused === undefined && !this.#verdicts.has('discard'))
      return await proxied.finish(this.#verdicts, this.#recipients)
    await proxied.close()
    return refused ?? reply(250, '2.0.0', 'Ok: queued as NOQUEUE')
  }

  async #finish(content: MailContent): Promise<SmtpReply> {
    const { queueId } = this
    if (queueId === '') return reply(451, '4.3.0', 'Error: no message')
    this.#unseen = this.#verdicts.has('discard')
    const judged = this.#judge(content)
    const refused = judged instanceof Promise ? await judged : judged
    if (refused !== undefined) {
      await this.#drop(content)
      return refused
    }
    const { routing } = this.#configuration
    const entered = { sender: routing.complete(this.#from.address), recipients: this.#recipients }
    const { intake, filtered } = content
    const envelope = filtered === undefined ? entered : await this.#filterMessage(filtered, entered)
    if ('code' in envelope) {
      await this.#drop(content)
      return envelope
    }
    if (envelope.recipients.length === 0 || this.#verdicts.has('discard')) {
      await this.#drop(content)
      return reply(250, '2.0.0', `Ok: queued as ${queueId}`)
    }
    const message = await intake.finish()
    const { options, statusFilterFor } = this.#configuration
    const sources = { ...this.#sources, routing, statusFilterFor, delayDigits: options.delayDigits }
    return acceptMessage(this.#received(queueId, envelope, intake), message, sources)
  }

  #received(queueId: QueueId, { sender, recipients }: EditedEnvelope, { facts }: MessageIntake): Received {
    const { effects } = this.#verdicts
    const { options } = this.#configuration
    return {
      queueId,
      sender,
      recipients: recipientsAfter(effects, recipients),
      options: envelopeOptions(this.#from),
      origin: originOf(this.#session, this.#source),
      arrivedMs: this.#arrivedMs,
      hold: this.#verdicts.has('hold') ? 'held' : 'free',
      facts,
      verp: verpOf(this.#from.verp, options),
      filter: filterAfter(effects, options),
    }
  }

  #judge({ intake, signature }: MailContent): Answer<SmtpReply | undefined> {
    return refusalOfContent(intake, {
      session: this.#session,
      sender: this.#from.address,
      policy: this.#policy,
      verdicts: this.#verdicts,
      signature,
      hopcountLimit: this.#configuration.options.hopcountLimit ?? defaultHopcountLimit,
      recipients: this.#recipients,
    })
  }

  /** smtpd_milters have their say: the envelope as they leave it, or a refusal. */
  async #filterMessage(
    filtered: MilterContent,
    entered: EditedEnvelope,
  ): Promise<EditedEnvelope | SmtpReply> {
    const guard = this.#milters
    if (guard === undefined) return entered
    return await filterMessage(filtered, entered, {
      guard,
      verdicts: this.#verdicts,
      mail: this.#checkedMail(),
      recipients: this.#recipients,
      configuration: this.#configuration,
    })
  }

  #checkedMail(): CheckedMail {
    return checkedMail(this.#session, {
      log: this.#sources.log,
      queueId: this.queueId,
      sender: this.#from.address,
      recipient: this.#recipients.at(-1)?.address ?? '',
    })
  }

  #startContent(): Answer<SmtpReply> {
    if (this.#proxied !== undefined) return this.#startProxied(this.#proxied)
    const { queueId } = this
    if (queueId === '') return reply(554, '5.5.1', 'Error: no valid recipients')
    try {
      this.#content = openContent(this.#traced(queueId), {
        messages: this.#sources.store.messages,
        mail: () => this.#checkedMail(),
        milters: this.#milters === undefined ? 'none' : 'asked',
        signature: this.#verdicts.greylisted && new SignatureCheck(this.#sources.dns, this.#from.address),
      })
      return goAhead
    } catch (error) {
      this.#verdicts.log('error', 'cannot begin a message', error)
      return faultReply(error)
    }
  }

  async #startProxied(proxied: ProxiedMail): Promise<SmtpReply> {
    const said = await proxied.data(traceFields(this.#traced('')))
    if (said.code === 354) this.#content = passedContent(proxied, this.#configuration)
    return said
  }

  #traced(queueId: QueueId | ''): TracedMail {
    return {
      session: this.#session,
      from: this.#from,
      recipients: this.#recipients,
      effects: this.#verdicts.effects,
      queueId,
      configuration: this.#configuration,
      nowMs: this.#sources.now(),
    }
  }

  #open(): void {
    this.#verdicts.queueId = this.#sources.store.queue.newId(this.#arrivedMs)
    this.#verdicts.log('info', clientText(this.#session))
  }

  #request(command: string, recipient: string | undefined): PolicyRequest {
    return this.#verdicts.request(command, recipient, this.#recipients.length)
  }

  async #drop(content: MailContent): Promise<void> {
    const { messageId } = content.intake.facts
    if (messageId !== undefined && !this.#unseen)
      this.#verdicts.log('info', `message-id=${messageId}`, undefined, 'cleanup')
    try {
      await content.abort()
    } catch (error) {
      this.#verdicts.log('error', 'cannot discard a message that was refused', error)
    }
  }
}
