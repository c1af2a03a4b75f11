import { deliveryPrefix, formatField } from '@posthorn/mail'
import type { NewRecipient } from '@posthorn/storage'
import type { Delivery, Leaf } from './expansion.ts'
import { ownedTransports } from './owned-target.ts'
import { errorTransport, refusedBy, type Transport } from './transport.ts'

/** One recipient of the accepted message, as the store takes it, with what logs and loop detection need. */
export interface Planned {
  readonly recipient: NewRecipient
  /** Recipient at RCPT, completed: `orig_to=`. */
  readonly originalTo: string
  /** The local address through which it comes: a message that was there before is in a loop. */
  readonly deliveredTo: string | undefined
}

/** A recipient as the envelope has it. */
export interface EnvelopeRecipient {
  readonly address: string
  readonly originalRecipient?: string | undefined
  readonly notify?: NewRecipient['notify'] | undefined
  /** Whom the client named, where an access table put `address` in his place. */
  readonly originalTo?: string | undefined
}

export interface PlanContext {
  readonly envelope: EnvelopeRecipient
  readonly originalTo: string
  /** Envelope sender, of this recipient. */
  readonly sender: string
  /** `variable`: it is not the message's (VERP). */
  readonly returnPath?: 'variable'
  readonly nowMs: number
  /** enable_original_recipient. */
  readonly originalRecipient?: 'yes' | 'no' | undefined
  /** prepend_delivered_header; undefined: everywhere. */
  readonly deliveredToFor?: readonly string[] | undefined
}

export function planDelivery(delivery: Delivery, context: PlanContext): Planned {
  const { leaf, deliveredTo } = delivery
  const { nowMs } = context
  const originalTo = context.envelope.originalTo ?? context.originalTo
  // Bounces have the null sender whoever they go to.
  const sender = context.sender === '' ? '' : (delivery.sender ?? context.sender)
  const shared = { ...dsnOptions(leaf.address, context), address: leaf.address }
  if (leaf.kind === 'mailbox') {
    const prefix = deliveryPrefix({
      sender,
      originalTo: context.originalRecipient === 'no' ? undefined : originalTo,
      deliveredTo: deliveredTo ?? leaf.address,
    })
    const route = {
      kind: 'mailbox',
      account: leaf.account.id,
      mailbox: leaf.mailbox ?? 'INBOX',
      prefix,
    } as const
    return { recipient: { ...shared, route }, originalTo, deliveredTo }
  }
  const transport = leaf.kind === 'error' ? refusalOf(leaf) : leaf.transport
  const recipient: NewRecipient = {
    ...shared,
    route: {
      kind: 'queued',
      ...transport,
      dueMs: nowMs,
      ...ownSender(sender, delivery.sender, context),
      ...(deliveredTo === undefined || leaf.kind === 'error' || !isNamed(transport.transport, context)
        ? {}
        : { prefix: formatField('Delivered-To', deliveredTo) }),
    },
  }
  return { recipient, originalTo, deliveredTo }
}

const refusalOf = ({ status, text, agent }: Extract<Leaf, { kind: 'error' }>): Transport =>
  agent === undefined ? errorTransport(status, text) : refusedBy(agent, status, text)

const wayOf: ReadonlyMap<string, 'command' | 'file'> = new Map([
  ['pipe', 'command'],
  [ownedTransports.command, 'command'],
  ['file', 'file'],
  [ownedTransports.file, 'file'],
])

/** Postfix: prepend_delivered_header. */
function isNamed(transport: string, { deliveredToFor }: PlanContext): boolean {
  const how = wayOf.get(transport) ?? 'forward'
  return deliveredToFor === undefined || deliveredToFor.includes(how)
}

/** A recipient that could not be looked up now: the queue asks again. */
export function planRetry(context: PlanContext, delayMs: number): Planned {
  const address = context.originalTo
  const local: Transport = { transport: 'local', nextHop: address.slice(address.lastIndexOf('@') + 1) }
  return {
    recipient: {
      ...dsnOptions(address, context),
      address,
      route: {
        kind: 'queued',
        ...local,
        dueMs: context.nowMs + delayMs,
        ...ownSender(context.sender, undefined, context),
      },
    },
    originalTo: address,
    deliveredTo: undefined,
  }
}

export function planError(context: PlanContext, status: string, text: string): Planned {
  const leaf = { kind: 'error', address: context.originalTo, status, text, agent: 'local' } as const
  return planDelivery({ leaf, deliveredTo: undefined }, context)
}

const ownSender = (sender: string, owner: string | undefined, { returnPath }: PlanContext) =>
  sender !== '' && (owner !== undefined || returnPath === 'variable') ? { sender } : {}

function dsnOptions(address: string, { envelope, originalTo }: PlanContext) {
  const { originalRecipient, notify } = envelope
  const original =
    originalRecipient ??
    (address.toLowerCase() === originalTo.toLowerCase() ? undefined : `rfc822;${originalTo}`)
  return {
    ...(original === undefined ? {} : { originalRecipient: original }),
    ...(notify === undefined ? {} : { notify }),
  }
}
