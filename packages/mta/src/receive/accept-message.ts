import type { Log } from '@posthorn/mail'
import type { SmtpReply } from '@posthorn/smtp'
import type {
  Acceptance,
  AcceptedRecipient,
  EnvelopeOptions,
  NewRecipient,
  Origin,
  QueueId,
  StagedMessage,
  Store,
} from '@posthorn/storage'
import { filterStatus, type StatusFilter } from '../delivery/index.ts'
import type { FilterTransport } from '../policy/index.ts'
import type { DirectDelivery } from '../queue/direct-delivery.ts'
import { formatDelay, formatDelays } from '../queue/log-lines.ts'
import type { RuledEnvelope } from '../routing/envelope-rules.ts'
import {
  AliasLimitError,
  type EnvelopeRecipient,
  type Planned,
  type Routing,
  type VerpDelimiters,
  verpSender,
} from '../routing/index.ts'
import { refusedBy } from '../routing/transport.ts'
import { answered, LookupFailed } from '../tables/index.ts'
import type { HeaderFacts } from './header-gate.ts'
import { faultReply, reply } from './refusals.ts'

/** A complete message with its envelope, from SMTP or from the sendmail command. */
export interface Received {
  readonly queueId: QueueId
  /** Completed; '' for the null reverse-path. */
  readonly sender: string
  readonly recipients: readonly EnvelopeRecipient[]
  readonly options: EnvelopeOptions
  readonly origin: Origin
  readonly arrivedMs: number
  readonly hold: 'held' | 'free'
  readonly facts: HeaderFacts
  /** Each recipient gets a return path of its own. */
  readonly verp?: VerpDelimiters | undefined
  /** All recipients go there first; what comes back is routed. */
  readonly filter?: FilterTransport | undefined
}

export interface AcceptSources {
  readonly store: Pick<Store, 'queue'>
  readonly routing: Pick<Routing, 'plan' | 'envelopeRules' | 'complete'>
  readonly log: Log
  readonly now: () => number
  /** Of our mailboxes. */
  readonly statusFilterFor?: ((address: string) => StatusFilter | undefined) | undefined
  /** delay_logging_resolution_limit. */
  readonly delayDigits?: number | undefined
  /** What may leave at once; without it everything waits in the queue. */
  readonly direct?: DirectDelivery | undefined
}

/**
 * Routes and stores a message: local recipients have it in their mailboxes and the others in the queue when
 * this answers 250. Logs what Postfix's cleanup, qmgr and local say.
 */
export async function acceptMessage(
  entered: Received,
  message: StagedMessage,
  sources: AcceptSources,
): Promise<SmtpReply> {
  const { queueId } = entered
  const { log, now } = sources
  log({
    level: 'info',
    service: 'cleanup',
    queueId,
    text: `message-id=${entered.facts.messageId ?? '<>'}`,
  })
  const endedMs = now()
  let received = entered
  let planned: readonly Planned[]
  let accepted: readonly AcceptedRecipient[]
  let begin: (() => void) | undefined
  try {
    const ruled = ruledEnvelope(entered, sources.routing)
    received = { ...entered, ...(ruled instanceof Promise ? await ruled : ruled) }
    const plan =
      received.filter === undefined
        ? await sources.routing.plan(received.recipients, received.sender, endedMs, {
            // Mail on hold is delivered when it is released: its mailboxes are found then.
            localMail: received.hold === 'held' ? 'through-queue' : 'at-once',
            verp: received.verp,
            poster: received.origin.saslUsername,
          })
        : planFilter(received, received.filter, sources.routing, endedMs)
    planned = plan.map((one) => withoutLoop(one, received))
    const recipients = planned.map((one) => one.recipient)
    if (recipients.length === 0) {
      // Every recipient leads to nowhere on purpose (/dev/null).
      await message.abort()
      accepted = []
    } else {
      const { sender, options, origin, arrivedMs } = received
      const held = received.hold === 'held' ? { hold: true as const } : {}
      const entry = { queueId, sender, recipients, options, origin, arrivedMs, ...held }
      ;({ accepted, begin } = await storeMail({ message, entry }, sources))
    }
  } catch (error) {
    if (error instanceof AliasLimitError || error instanceof LookupFailed) {
      const text = `${error.message} -- message not accepted, try again later`
      log({ level: 'warning', service: 'cleanup', queueId, text })
      await abandon(message, log)
      return error instanceof LookupFailed ? faultReply(error) : reply(451, '4.6.0', 'Alias expansion error')
    }
    const refused = faultReply(error)
    log({ level: 'error', service: 'cleanup', queueId, text: `cannot store message: ${refused.text}`, error })
    await abandon(message, log)
    return refused
  }
  const { statusFilterFor, delayDigits } = sources
  const times = { endedMs, nowMs: now() }
  const left = logAccepted(received, message.sizeBytes, planned, accepted, {
    log,
    statusFilterFor,
    delayDigits,
    ...times,
  })
  // A full mailbox is no reason to wait where a filter says so: the queue returns it.
  if (left === 'for ever') await sources.store.queue.flush({ nowMs: times.nowMs, queueId }).catch(() => {})
  begin?.()
  return reply(250, '2.0.0', `Ok: queued as ${queueId}`)
}

/** What canonical_maps and automatic copies make of it. */
function ruledEnvelope(
  { sender, recipients, filter }: Received,
  { envelopeRules }: Pick<Routing, 'envelopeRules'>,
): RuledEnvelope | Promise<RuledEnvelope> {
  return envelopeRules === undefined || (filter !== undefined && filter.addresses !== 'mapped')
    ? { sender, recipients }
    : answered(() => envelopeRules.apply(sender, recipients))
}

interface StoredMail {
  readonly accepted: readonly AcceptedRecipient[]
  /** Sends what was claimed. */
  readonly begin: (() => void) | undefined
}

/** Whoever has a place among the deliveries now is claimed with the acceptance, or has gone before it. */
async function storeMail(acceptance: Acceptance, { store, direct }: AcceptSources): Promise<StoredMail> {
  const { message, entry } = acceptance
  const offer = entry.hold === true ? undefined : direct?.offer(entry.recipients)
  if (offer === undefined) return { accepted: await store.queue.accept(acceptance), begin: undefined }
  const octets = message.octets()
  const early = octets === undefined ? undefined : offer.early(entry, octets)
  if (early !== undefined && (await early.outcome) === 'sent') {
    await message.abort()
    const accepted = entry.recipients.map(({ address }) => ({ address, outcome: 'queued' as const }))
    return { accepted, begin: () => early.conclude() }
  }
  try {
    const { accepted, claimed } = await store.queue.acceptClaimed(acceptance, offer)
    if (claimed !== undefined) return { accepted, begin: () => offer.begin(claimed, octets) }
    offer.withdraw()
    return { accepted, begin: undefined }
  } catch (error) {
    offer.withdraw()
    throw error
  }
}

/** Postfix: qmgr(8) with a content filter: addresses as they came, one way for all. */
function planFilter(
  { recipients, sender, verp }: Received,
  { transport, nextHop }: FilterTransport,
  { complete }: Pick<Routing, 'complete'>,
  dueMs: number,
): readonly Planned[] {
  return recipients.map(({ address, notify, originalRecipient, originalTo }) => {
    const completed = complete(address)
    const host = nextHop === '' ? completed.slice(completed.lastIndexOf('@') + 1) : nextHop
    return {
      recipient: {
        address: completed,
        ...(notify === undefined ? {} : { notify }),
        ...(originalRecipient === undefined ? {} : { originalRecipient }),
        route: {
          kind: 'queued',
          transport,
          nextHop: host,
          dueMs,
          ...(verp === undefined ? {} : { sender: verpSender(sender, completed, verp) }),
        },
      },
      originalTo: originalTo ?? completed,
      deliveredTo: undefined,
    }
  })
}

async function abandon(message: StagedMessage, log: Log): Promise<void> {
  try {
    await message.abort()
  } catch (error) {
    log({ level: 'warning', service: 'cleanup', text: 'cannot discard a message that was refused', error })
  }
}

/** A message that has been delivered to this address before comes round in a circle. RFC 9228 §4. */
function withoutLoop(one: Planned, received: Received): Planned {
  const { deliveredTo } = received.facts
  if (deliveredTo.length === 0 || one.deliveredTo === undefined) return one
  if (!deliveredTo.includes(one.deliveredTo.toLowerCase())) return one
  const { route: _, ...shared } = one.recipient
  const recipient: NewRecipient = {
    ...shared,
    route: {
      kind: 'queued',
      ...refusedBy('local', '5.4.6', `mail forwarding loop for ${one.deliveredTo}`),
      dueMs: 0,
    },
  }
  return { ...one, recipient }
}

function logAccepted(
  received: Received,
  sizeBytes: number,
  planned: readonly Planned[],
  accepted: readonly AcceptedRecipient[],
  at: Pick<AcceptSources, 'log' | 'statusFilterFor' | 'delayDigits'> & {
    readonly endedMs: number
    readonly nowMs: number
  },
): 'for now' | 'for ever' {
  const { queueId, sender, arrivedMs } = received
  const { log } = at
  // The queue says so only of messages that it takes up again, and of those that were held when they are released.
  if (received.hold === 'free')
    log({
      level: 'info',
      service: 'qmgr',
      queueId,
      text: `from=<${sender}>, size=${sizeBytes}, nrcpt=${planned.length} (queue active)`,
      fields: { from: sender, size: sizeBytes, nrcpt: planned.length },
    })
  const delay = formatDelay(at.nowMs - arrivedMs, at.delayDigits)
  const delays = formatDelays([at.endedMs - arrivedMs, 0, 0, at.nowMs - at.endedMs], at.delayDigits)
  let left: 'for now' | 'for ever' = 'for now'
  let queued = 0
  for (let i = 0; i < planned.length; i++) {
    const outcome = accepted[i]
    const { recipient, originalTo } = planned[i] as Planned
    if (outcome?.outcome !== 'placed' && outcome?.note === undefined) {
      queued++
      continue
    }
    const original = originalTo === recipient.address ? '' : ` orig_to=<${originalTo}>,`
    const start = `to=<${recipient.address}>,${original} relay=local, delay=${delay}, delays=${delays}`
    const placed = outcome.outcome === 'placed'
    const { status: first, diagnostic } = placed
      ? { status: '2.0.0', diagnostic: 'delivered to mailbox' }
      : { status: '4.2.2', diagnostic: 'mailbox is full', ...outcome.note }
    const filtered = filterStatus(first, diagnostic, at.statusFilterFor?.(recipient.address))
    const { status: dsn, text: said } = filtered ?? { status: first, text: diagnostic }
    if (placed) {
      const fields = { to: recipient.address, relay: 'local', dsn, status: 'sent' }
      log({
        level: 'info',
        service: 'local',
        queueId,
        text: `${start}, dsn=${dsn}, status=sent (${said})`,
        fields,
      })
      continue
    }
    queued++
    if (dsn.startsWith('5')) {
      left = 'for ever'
      continue
    }
    const text = `${start}, dsn=${dsn}, status=deferred (${said})`
    log({
      level: 'info',
      service: 'local',
      queueId,
      text,
      fields: { to: recipient.address, dsn, status: 'deferred' },
    })
  }
  if (queued === 0) log({ level: 'info', service: 'qmgr', queueId, text: 'removed' })
  return left
}
