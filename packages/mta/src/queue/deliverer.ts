import type { Log } from '@posthorn/mail'
import { type Attempt, actionOf, type DeliveryAgent, type DeliveryJob, decided } from '../delivery/attempt.ts'
import { filteredStatus } from '../delivery/filtered-status.ts'
import { type Destinations, destinationKey } from './destinations.ts'
import type { QueuedMessage } from './job.ts'
import type { QueueOptions } from './options.ts'
import { expiredNow } from './outcome.ts'
import { isFlushed } from './schedule.ts'

export interface DelivererInput {
  /** By transport; asked at each delivery. */
  readonly agents: { get(transport: string): DeliveryAgent | undefined }
  readonly destinations: Destinations
  readonly options: () => QueueOptions
  readonly log: Log
  readonly now: () => number
}

/** Hands a job to its agent, unless something is known that decides it already; learns of the destination. */
export class Deliverer {
  readonly #input: DelivererInput

  constructor(input: DelivererInput) {
    this.#input = input
  }

  async attempt(job: DeliveryJob, message: QueuedMessage): Promise<readonly Attempt[]> {
    const { agents, destinations, options, now } = this.#input
    const nowMs = now()
    const every = (status: string, text: string): Attempt[] =>
      job.recipients.map((recipient) => decided(recipient, { action: actionOf(status), status, text, nowMs }))
    const { entry, recipients, transport } = job
    if (entry.forcedExpiry === true) return expiredNow(job, nowMs)
    const asked = isFlushed({ ...entry, recipients }, nowMs, options()) ? 'flushed' : 'due'
    if (asked === 'due' && options().deferTransports.includes(transport)) {
      return every('4.3.2', 'deferred transport')
    }
    const dead = destinations.deadNow(destinationKey(job), nowMs, asked)
    if (dead !== undefined) return every(dead.status, `delivery temporarily suspended: ${dead.text}`)
    const agent = agents.get(transport)
    if (agent === undefined) {
      const text = `connect to transport private/${transport}: No such file or directory (no service of master.cf has that name)`
      this.#input.log({ level: 'warning', service: 'qmgr', text })
      return every('4.3.5', `mail transport unavailable: ${transport}`)
    }
    try {
      // The message is not read for a destination that is dead.
      // RFC 5321 §6.3
      const hops = message.hops()
      if ((typeof hops === 'number' ? hops : await hops) > options().hopcountLimit)
        return every('5.4.6', 'too many hops')
      const startedMs = performance.now()
      const given = await agent(job)
      const filter = options().statusFilterOf?.(transport)
      const attempts = filter === undefined ? given : given.map((attempt) => filteredStatus(attempt, filter))
      this.#judge(job, attempts, performance.now() - startedMs)
      return attempts
    } catch (error) {
      const text = `Cannot deliver ${entry.queueId} by ${transport}`
      this.#input.log({ level: 'error', service: 'qmgr', text, error })
      return every('4.3.0', 'internal error in delivery, see the log of the server')
    }
  }

  #judge(job: DeliveryJob, attempts: readonly Attempt[], tookMs: number): void {
    const { destinations, options, now } = this.#input
    const destination = destinationKey(job)
    const dead = attempts.find(({ destinationDead }) => destinationDead === true)
    if (dead === undefined) {
      destinations.revived(destination)
      if (attempts.every(({ result }) => result.action === 'relayed')) destinations.took(destination, tookMs)
      return
    }
    const { minimalBackoffMs } = options()
    const { status } = dead.result
    const sinceMs = now()
    const untilMs = sinceMs + minimalBackoffMs
    destinations.failed(destination, { sinceMs, untilMs, status, text: dead.said })
  }
}
