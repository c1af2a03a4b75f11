import { refusalIn } from '../routing/transport.ts'
import { type Attempt, actionOf, type DeliveryAgent, decided, type ResolveRecipient } from './attempt.ts'

/**
 * Mail for our own users that waits in the queue: a mailbox that was full, a failing alias file. The address
 * is looked up anew, for it may lead elsewhere by now.
 */
export const mailboxAgent =
  (resolve: ResolveRecipient, now: () => number): DeliveryAgent =>
  async ({ entry, recipients, sender, transport, nextHop }) => {
    const refusal = refusalIn(nextHop)
    if (refusal !== undefined)
      return recipients.map((recipient) =>
        decided(recipient, { ...refusal, action: actionOf(refusal.status), relay: transport, nowMs: now() }),
      )
    const { saslUsername } = entry.origin
    const attempts: Attempt[] = []
    for (const recipient of recipients) {
      const nowMs = now()
      const { address, originalRecipient, notify } = recipient
      const found = await resolve({
        address,
        sender,
        nowMs,
        ...(originalRecipient === undefined ? {} : { originalRecipient }),
        ...(notify === undefined ? {} : { notify }),
        ...(saslUsername === undefined ? {} : { poster: saslUsername }),
      })
      if (found.kind === 'refused') {
        const { status, text } = found
        attempts.push(decided(recipient, { action: actionOf(status), status, text, relay: 'local', nowMs }))
        continue
      }
      const [only, ...more] = found.recipients
      if (only === undefined) {
        const text = 'delivered to nobody: the address leads nowhere'
        attempts.push(
          decided(recipient, { action: 'delivered', status: '2.0.0', text, relay: 'local', nowMs }),
        )
      } else if (more.length === 0 && only.route.kind === 'mailbox') {
        const { account, mailbox, prefix } = only.route
        attempts.push(
          decided(recipient, {
            action: 'delivered',
            status: '2.0.0',
            text: 'delivered to mailbox',
            relay: 'local',
            nowMs,
            effect: { kind: 'place', account, mailbox, prefix },
          }),
        )
      } else {
        attempts.push(
          decided(recipient, {
            action: 'expanded',
            status: '2.0.0',
            text: 'forwarded',
            relay: 'local',
            nowMs,
            effect: { kind: 'expand', recipients: found.recipients },
          }),
        )
      }
    }
    return attempts
  }
