import {
  composeBounce,
  composeDelayWarning,
  composeSuccess,
  type DeliveryResult,
  makeMessageId,
} from '@posthorn/mail'
import type { Acceptance, NewRecipient, QueueEntry, QueueId, Store } from '@posthorn/storage'
import type { Attempt, ResolveRecipient } from '../delivery/attempt.ts'

export interface ReportOptions {
  /** Postfix: myhostname. */
  readonly hostname: string
  /** Postfix: bounce_size_limit. */
  readonly bounceSizeLimitBytes: number
  /** Postfix: 2bounce_notice_recipient with the class `2bounce` of notify_classes; '' = nobody is told. */
  readonly doubleBounceRecipient: string
}

export type ReportKind = 'failure' | 'delay' | 'success' | 'double-bounce'

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
export const doubleBounceSender = (hostname: string): string => `double-bounce@${hostname}`

/** Makes reports: text by @posthorn/mail, recipients by routing, bytes staged in the store. */
export class Reporter {
  readonly #store: Pick<Store, 'queue' | 'messages'>
  readonly #resolve: ResolveRecipient
  readonly #options: () => ReportOptions
  readonly #now: () => number

  constructor(input: {
    readonly store: Pick<Store, 'queue' | 'messages'>
    readonly resolve: ResolveRecipient
    readonly options: () => ReportOptions
    readonly now: () => number
  }) {
    this.#store = input.store
    this.#resolve = input.resolve
    this.#options = input.options
    this.#now = input.now
  }

  /**
   * A report to the envelope sender; undefined when there is nobody to tell. Never to the null sender
   * (RFC 5321 §4.5.5): postmaster hears of such failures, and nobody of theirs.
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
      if (sender === doubleBounceSender(options.hostname)) return undefined
      const report = await this.#compose(entry, sender, '', kind, results, retryUntilMs)
      if (report !== undefined || kind !== 'failure') return report
    }
    if (kind !== 'failure' || options.doubleBounceRecipient === '') return undefined
    const from = doubleBounceSender(options.hostname)
    return this.#compose(entry, options.doubleBounceRecipient, from, 'double-bounce', results)
  }

  async #compose(
    entry: QueueEntry,
    to: string,
    from: string,
    kind: ReportKind,
    results: readonly DeliveryResult[],
    retryUntilMs?: number,
  ): Promise<Report | undefined> {
    const nowMs = this.#now()
    const { hostname, bounceSizeLimitBytes } = this.#options()
    const found = await this.#resolve({ address: to, sender: from, nowMs })
    if (found.kind === 'refused' || found.recipients.length === 0) return undefined
    const original =
      (await this.#store.queue.read(entry.queueId, 0, bounceSizeLimitBytes + 262_144)) ?? Buffer.alloc(0)
    const { envid, ret, smtpUtf8 } = entry.options
    const queueId = this.#store.queue.newId(nowMs)
    const messageId = makeMessageId(nowMs, queueId, hostname)
    const compose =
      kind === 'delay' ? composeDelayWarning : kind === 'success' ? composeSuccess : composeBounce
    const text = compose({
      reportingMta: hostname,
      queueId: entry.queueId,
      sender: kind === 'double-bounce' ? entry.sender : to,
      arrivedMs: entry.arrivedMs,
      nowMs,
      results,
      original,
      maxOriginalBytes: bounceSizeLimitBytes,
      messageId,
      ...(kind === 'double-bounce' ? { recipient: to } : {}),
      ...(envid === undefined ? {} : { envid }),
      ...(ret === undefined ? {} : { ret }),
      ...(smtpUtf8 === undefined ? {} : { smtpUtf8 }),
      ...(retryUntilMs === undefined ? {} : { retryUntilMs }),
    })
    const envelope = { queueId, sender: from, recipients: found.recipients, smtpUtf8 }
    return { kind, messageId, acceptance: await this.stage(text, envelope) }
  }

  /** A message of our own making, or sent on by us: on disk and not yet accepted. */
  async stage(
    content: Uint8Array | AsyncIterable<Uint8Array>,
    envelope: {
      readonly queueId?: QueueId
      readonly sender: string
      readonly recipients: readonly NewRecipient[]
      readonly smtpUtf8: true | undefined
    },
  ): Promise<Acceptance> {
    const nowMs = this.#now()
    const writer = this.#store.messages.stage()
    try {
      for await (const chunk of content instanceof Uint8Array ? [content] : content) await writer.write(chunk)
    } catch (error) {
      await writer.abort()
      throw error
    }
    const helo = this.#options().hostname
    return {
      message: await writer.finish(),
      entry: {
        queueId: envelope.queueId ?? this.#store.queue.newId(nowMs),
        sender: envelope.sender,
        recipients: envelope.recipients,
        options: envelope.smtpUtf8 === undefined ? {} : { smtpUtf8: true },
        origin: { clientName: 'localhost', clientAddress: '127.0.0.1', helo, protocol: 'internal' },
        arrivedMs: nowMs,
      },
    }
  }
}
