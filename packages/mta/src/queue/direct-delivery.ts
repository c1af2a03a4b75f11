import type { LeaseTerms, NewQueueEntry, NewRecipient, QueueEntry } from '@posthorn/storage'

/** Mail that leaves as soon as it is accepted: nobody has to look for it in the queue. */
export interface DirectDelivery {
  /** Before the message is accepted. undefined: it waits in the queue like other mail. */
  offer(recipients: readonly NewRecipient[]): DirectOffer | undefined
}

/** A place among the deliveries, for recipients that are claimed in the unit of work that accepts them. */
export interface DirectOffer extends LeaseTerms {
  /**
   * Begins to send before the message is on disk: its destination is quick, and whoever is told 250 by it need not
   * store it first. undefined: it is accepted first.
   */
  early(entry: NewQueueEntry, octets: readonly Uint8Array[]): EarlyDelivery | undefined
  /** The message is accepted, on disk; `octets` when they are in memory. Goes on with what began early. */
  begin(entry: QueueEntry, octets: readonly Uint8Array[] | undefined): void
  /** Nothing came of it. */
  withdraw(): void
}

/** A delivery that runs while nothing is on disk. Ends with `conclude`, or the offer's `begin` or `withdraw`. */
export interface EarlyDelivery {
  /** 'sent': the next server has the message for each recipient. 'open': accept it; nobody waits longer for that. */
  readonly outcome: Promise<'sent' | 'open'>
  /** After 'sent': writes the log. The message was never in the queue. */
  conclude(): void
}

/** More recipients are for the queue, which gives every message its share. */
const maxRecipients = 20

type QueuedRoute = NewRecipient['route'] & { readonly kind: 'queued' }

/** Where the mail would go; empty when it is none for direct delivery. */
export const directRoutes = (recipients: readonly NewRecipient[], nowMs: number): readonly QueuedRoute[] => {
  const routes: QueuedRoute[] = []
  for (const { route } of recipients) {
    if (route.kind !== 'queued') continue
    if (route.dueMs > nowMs || routes.length >= maxRecipients) return []
    routes.push(route)
  }
  return routes
}
