import type { NewQueueEntry, NewRecipient, QueuedRecipient, QueueEntry } from '@posthorn/storage'
import type { Attempt, DeliveryJob } from '../delivery/attempt.ts'
import type { Deliverer } from './deliverer.ts'
import { type DestinationLimits, type Destinations, destinationKey } from './destinations.ts'
import type { EarlyDelivery } from './direct-delivery.ts'
import { jobsOf, pieceBytes, QueuedMessage } from './job.ts'
import type { LeaseCohort } from './lease-cohorts.ts'

/** So long a client waits at most for what another server says; then the message is accepted first. */
const patienceMs = 150

export interface EarlyInput {
  readonly deliverer: Deliverer
  readonly destinations: Destinations
  readonly limitsOf: (transport: string) => DestinationLimits
  readonly cohort: LeaseCohort
}

/** What came of it, for whoever records it. */
export interface EarlyOutcome {
  readonly job: DeliveryJob
  readonly attempts: readonly Attempt[]
  readonly startedMs: number
}

/**
 * One message on its way to a quick destination before it is accepted (Exim: cutthrough_delivery). Until the other
 * server has answered its client has no 250, so a crash leaves what it leaves in any relay: the client sends again.
 */
export class Early implements EarlyDelivery {
  readonly outcome: Promise<'sent' | 'open'>
  /** Settled when the attempt is over. Never rejects. */
  readonly over: Promise<EarlyOutcome>
  readonly entry: QueueEntry
  readonly #conclude: (outcome: EarlyOutcome) => void
  #ended: EarlyOutcome | undefined

  constructor(
    job: DeliveryJob,
    message: QueuedMessage,
    input: EarlyInput & { readonly now: () => number; readonly conclude: (outcome: EarlyOutcome) => void },
  ) {
    this.entry = job.entry
    this.#conclude = input.conclude
    this.over = this.#run(job, message, input)
    this.outcome = new Promise((resolve) => {
      const timer = setTimeout(() => resolve('open'), patienceMs)
      void this.over.then((ended) => {
        clearTimeout(timer)
        this.#ended = ended
        resolve(ended.attempts.every(({ result }) => result.action === 'relayed') ? 'sent' : 'open')
      })
    })
  }

  async #run(
    job: DeliveryJob,
    message: QueuedMessage,
    { deliverer, destinations, limitsOf, now }: EarlyInput & { readonly now: () => number },
  ): Promise<EarlyOutcome> {
    const destination = destinationKey(job)
    const limits = limitsOf(job.transport)
    await destinations.enter(destination, limits)
    try {
      const startedMs = now()
      const attempts = await deliverer.attempt(job, message)
      return { job, attempts, startedMs }
    } finally {
      destinations.leave(destination, limits)
    }
  }

  conclude(): void {
    if (this.#ended !== undefined) this.#conclude(this.#ended)
  }
}

/** The one job of a message that may go early; undefined: it is accepted first. */
export const earlyJob = (
  entry: NewQueueEntry,
  octets: readonly Uint8Array[],
  { destinations, limitsOf, cohort }: EarlyInput,
): { readonly job: DeliveryJob; readonly message: QueuedMessage } | undefined => {
  let sizeBytes = 0
  for (const piece of octets) sizeBytes += piece.length
  if (sizeBytes > pieceBytes || !entry.recipients.every(isPlain)) return undefined
  const claimed = claimedEntry(entry, sizeBytes)
  // Nothing is in the queue that it could be read from.
  const message = new QueuedMessage({ read: async () => undefined }, claimed, octets)
  const [job, ...others] = jobsOf(
    claimed,
    message,
    (transport) => limitsOf(transport).recipients,
    cohort.signal,
  )
  if (job === undefined || others.length > 0) return undefined
  return destinations.isQuick(destinationKey(job), limitsOf(job.transport)) ? { job, message } : undefined
}

/** A report of success would have to be stored. */
const isPlain = ({ route, notify }: NewRecipient): boolean =>
  route.kind === 'queued' && notify?.includes('SUCCESS') !== true

/** As `QueueStore.acceptClaimed` would give it. */
const claimedEntry = (
  { queueId, sender, options, origin, arrivedMs, recipients }: NewQueueEntry,
  sizeBytes: number,
): QueueEntry => ({
  queueId,
  sender,
  options,
  origin,
  arrivedMs,
  sizeBytes,
  hold: false,
  recipients: recipients.map(claimedRecipient),
})

const claimedRecipient = ({ route, ...recipient }: NewRecipient, index: number): QueuedRecipient => {
  if (route.kind !== 'queued') throw new TypeError('A mailbox is no destination')
  const { kind: _, ...way } = route
  return { ...recipient, ...way, index, state: 'claimed', attempts: 1, delayWarned: false }
}
