import {
  composeBounce,
  composeDelayWarning,
  composeSuccess,
  type DeliveryResult,
  makeMessageId,
} from '@posthorn/mail'
import type { Acceptance, NewRecipient, QueueEntry, QueueId, StagedMessage, Store } from '@posthorn/storage'
import type { Attempt, ResolveRecipient } from '../delivery/attempt.ts'
import { errorTransport, refusedBy } from '../routing/transport.ts'
import { type BounceTemplates, templateAt } from './templates.ts'

export interface ReportOptions {
  /** Postfix: myhostname. */
  readonly hostname: string
  /** Postfix: myorigin. Default: hostname. */
  readonly origin?: string
  /** Postfix: bounce_size_limit. */
  readonly bounceSizeLimitBytes: number
  /** Postfix: 2bounce_notice_recipient with the class `2bounce` of notify_classes; '' = nobody is told. */
  readonly doubleBounceRecipient: string
  /** Postfix: double_bounce_sender: whose failures concern nobody; completed with the host. */
  readonly doubleBounceSender?: string
  /** Postfix: bounce_notice_recipient with the class `bounce` of notify_classes; '' = no copies. */
  readonly bounceCopyRecipient?: string
  /** Postfix: delay_notice_recipient with the class `delay`; '' = no copies. */
  readonly delayCopyRecipient?: string
  /** Postfix: enable_threaded_bounces. Default: no. */
  readonly threaded?: 'yes' | 'no'
  /** Postfix: bounce_template_file. */
  readonly templates?: BounceTemplates
}

export type ReportKind = 'failure' | 'delay' | 'success' | 'double-bounce' | 'copy'

/** A report ready to be accepted with the settlement that causes it. */
export interface Report {
  readonly kind: ReportKind
  readonly acceptance: Acceptance
  readonly messageId: string
}

const notifyWord = { failure: 'FAILURE', delay: 'DELAY', success: 'SUCCESS' } as const

/** Whether the sender wants to hear this about a recipient. RFC 3461 §4.1: without NOTIFY failures and delays. */
export const isWanted = (attempt: Attempt, kind: 'failure' | 'delay' | 'success'): boolean => {
  const { notify } = attempt.recipient
  return notify === undefined || notify.length === 0 ? kind !== 'success' : notify.includes(notifyWord[kind])
}

/** Whose failures concern nobody but postmaster, or nobody at all. */
export const doubleBounceSender = ({ hostname, doubleBounceSender: name }: ReportOptions): string =>
  name?.includes('@') === true ? name : `${name ?? 'double-bounce'}@${hostname}`

interface OwnEnvelope {
  readonly queueId?: QueueId
  readonly sender: string
  readonly recipients: readonly NewRecipient[]
  readonly smtpUtf8: true | undefined
  readonly requireTls?: true | undefined
}

interface Asked {
  readonly entry: QueueEntry
  readonly to: string
  readonly from: string
  readonly kind: ReportKind
  /** Which text is said. */
  readonly text: 'failure' | 'delay' | 'success'
  readonly results: readonly DeliveryResult[]
  readonly retryUntilMs?: number | undefined
}

/** Nobody has the address: the queue finds it so, and whom that concerns hears of it. */
function undelivered(
  address: string,
  { status, text, by }: Extract<Awaited<ReturnType<ResolveRecipient>>, { kind: 'refused' }>,
  nowMs: number,
): NewRecipient {
  const where = status.startsWith('4')
    ? { transport: 'local', nextHop: address.slice(address.lastIndexOf('@') + 1), dueMs: nowMs + lookAgainMs }
    : { ...(by === undefined ? errorTransport(status, text) : refusedBy(by, status, text)), dueMs: nowMs }
  return { address, route: { kind: 'queued', ...where } }
}

/** Tables and homes that did not answer. */
const lookAgainMs = 60_000

/** What becomes of a report before it is sent. Postfix: internal_mail_filter_classes. */
export type ReportFilter = (
  text: Buffer,
  envelope: {
    readonly queueId: QueueId
    readonly sender: string
    readonly recipients: readonly NewRecipient[]
  },
) => Promise<StagedMessage | 'discarded' | 'unchanged'>

/** Makes reports: text by @posthorn/mail, recipients by routing, bytes staged in the store. */
export class Reporter {
  readonly #store: Pick<Store, 'queue' | 'messages'>
  readonly #resolve: ResolveRecipient
  readonly #options: () => ReportOptions
  readonly #now: () => number
  readonly #filter: ReportFilter

  constructor(input: {
    readonly store: Pick<Store, 'queue' | 'messages'>
    readonly resolve: ResolveRecipient
    readonly options: () => ReportOptions
    readonly now: () => number
    /** Default: none. */
    readonly filter?: ReportFilter | undefined
  }) {
    this.#store = input.store
    this.#resolve = input.resolve
    this.#options = input.options
    this.#now = input.now
    this.#filter = input.filter ?? (async () => 'unchanged')
  }

  /**
   * A report to the envelope sender; undefined when there is nobody to tell. Never to the null sender
   * (RFC 5321 §4.5.5): postmaster hears of such failures, and nobody of theirs. A sender whom nobody knows is found so
   * by the queue, and postmaster sees the report that was for him.
   */
  async make(
    entry: QueueEntry,
    sender: string,
    kind: 'failure' | 'delay' | 'success',
    results: readonly DeliveryResult[],
    retryUntilMs?: number,
  ): Promise<Report | undefined> {
    const options = this.#options()
    if (sender !== '') {
      if (sender === doubleBounceSender(options)) return undefined
      return this.#compose({ entry, to: sender, from: '', kind, text: kind, results, retryUntilMs })
    }
    if (kind !== 'failure' || options.doubleBounceRecipient === '') return undefined
    const from = doubleBounceSender(options)
    const to = options.doubleBounceRecipient
    return this.#compose({ entry, to, from, kind: 'double-bounce', text: 'failure', results })
  }

  /** A copy for postmaster, header only. Postfix: notify_classes = bounce, delay. */
  async copy(
    entry: QueueEntry,
    sender: string,
    text: 'failure' | 'delay',
    results: readonly DeliveryResult[],
  ): Promise<Report | undefined> {
    const options = this.#options()
    const to = (text === 'failure' ? options.bounceCopyRecipient : options.delayCopyRecipient) ?? ''
    const from = doubleBounceSender(options)
    if (to === '' || sender === '' || sender === from) return undefined
    return this.#compose({ entry, to, from, kind: 'copy', text, results })
  }

  async #compose(asked: Asked): Promise<Report | undefined> {
    const { entry, to, from, kind } = asked
    const nowMs = this.#now()
    const found = await this.#resolve({ address: to, sender: from, nowMs })
    const recipients = found.kind === 'to' ? found.recipients : [undelivered(to, found, nowMs)]
    if (recipients.length === 0) return undefined
    const { smtpUtf8, requireTls } = entry.options
    const queueId = this.#store.queue.newId(nowMs)
    const messageId = makeMessageId(nowMs, queueId, this.#options().hostname)
    const text = await this.#text(asked, { messageId, queueId, nowMs })
    const envelope = { queueId, sender: from, recipients, smtpUtf8, requireTls }
    const filtered = await this.#filter(text, envelope)
    if (filtered === 'discarded') return undefined
    const acceptance =
      filtered === 'unchanged' ? await this.stage(text, envelope) : this.#acceptance(filtered, envelope)
    return { kind, messageId, acceptance }
  }

  async #text(
    asked: Asked,
    {
      messageId,
      queueId,
      nowMs,
    }: { readonly messageId: string; readonly queueId: QueueId; readonly nowMs: number },
  ): Promise<Buffer> {
    const { entry, to, kind, text, results, retryUntilMs } = asked
    const { hostname, origin = hostname, bounceSizeLimitBytes, templates, threaded } = this.#options()
    const original =
      (await this.#store.queue.read(entry.queueId, 0, bounceSizeLimitBytes + 262_144)) ?? Buffer.alloc(0)
    const { envid, ret, smtpUtf8, requireTls } = entry.options
    const forPostmaster = kind === 'double-bounce' || kind === 'copy'
    const template = templates?.[text] && templateAt(origin, templates[text])
    const compose =
      text === 'delay' ? composeDelayWarning : text === 'success' ? composeSuccess : composeBounce
    // RFC 8689 §5: what was to be read by nobody else does not go back in the clear. A copy has the header alone.
    const returned = requireTls === true || kind === 'copy' ? 'HDRS' : ret
    return compose({
      reportingMta: hostname,
      queueId: entry.queueId,
      sender: forPostmaster ? entry.sender : to,
      arrivedMs: entry.arrivedMs,
      nowMs,
      results,
      original,
      maxOriginalBytes: bounceSizeLimitBytes,
      messageId,
      origin,
      ownQueueId: queueId,
      ...(threaded === undefined ? {} : { threaded }),
      ...(forPostmaster ? { recipient: to.includes('@') ? to : `${to}@${origin}` } : {}),
      ...(envid === undefined ? {} : { envid }),
      ...(returned === undefined ? {} : { ret: returned }),
      ...(smtpUtf8 === undefined ? {} : { smtpUtf8 }),
      ...(retryUntilMs === undefined ? {} : { retryUntilMs }),
      ...(template === undefined
        ? {}
        : { template: forPostmaster ? { ...template, subject: template.postmasterSubject } : template }),
    })
  }

  /** A message of our own making, or sent on by us: on disk and not yet accepted. */
  async stage(content: Uint8Array | AsyncIterable<Uint8Array>, envelope: OwnEnvelope): Promise<Acceptance> {
    const writer = this.#store.messages.stage()
    try {
      for await (const chunk of content instanceof Uint8Array ? [content] : content) await writer.write(chunk)
    } catch (error) {
      await writer.abort()
      throw error
    }
    return this.#acceptance(await writer.finish(), envelope)
  }

  #acceptance(message: StagedMessage, envelope: OwnEnvelope): Acceptance {
    const nowMs = this.#now()
    const helo = this.#options().hostname
    return {
      message,
      entry: {
        queueId: envelope.queueId ?? this.#store.queue.newId(nowMs),
        sender: envelope.sender,
        recipients: envelope.recipients,
        options: {
          ...(envelope.smtpUtf8 === undefined ? {} : { smtpUtf8: true }),
          ...(envelope.requireTls === undefined ? {} : { requireTls: true }),
        },
        origin: { clientName: 'localhost', clientAddress: '127.0.0.1', helo, protocol: 'internal' },
        arrivedMs: nowMs,
      },
    }
  }
}
