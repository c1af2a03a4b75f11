import type { Log } from '@posthorn/mail'
import type { QueueEntry, QueueStore } from '@posthorn/storage'
import type { DeliveryJob } from '../delivery/attempt.ts'
import type { Deliverer } from './deliverer.ts'
import { type Destinations, destinationKey } from './destinations.ts'
import type { QueuedMessage } from './job.ts'
import { logActive } from './log-lines.ts'
import type { QueueOptions } from './options.ts'
import type { OutcomeRecorder } from './outcome.ts'
import { RunNews } from './run-news.ts'

export interface ClaimedWorkInput {
  readonly queue: Pick<QueueStore, 'begin' | 'setHold' | 'settle'>
  readonly deliverer: Deliverer
  readonly recorder: OutcomeRecorder
  readonly destinations: Destinations
  readonly options: () => QueueOptions
  readonly log: Log
  readonly now: () => number
}

/** One claimed message on its way to all its destinations; what comes of each is written down. */
export class ClaimedWork {
  readonly #input: ClaimedWorkInput

  constructor(input: ClaimedWorkInput) {
    this.#input = input
  }

  async run(
    entry: QueueEntry,
    message: QueuedMessage,
    jobs: readonly DeliveryJob[],
    claimedMs: number,
  ): Promise<void> {
    // The first of them was noted by the claim alone.
    const { crashLimit } = this.#input.options()
    if (entry.recipients.some(({ begun = 0 }) => begun >= Math.max(crashLimit - 1, 1))) {
      await this.#hold(entry)
      return
    }
    // Whoever accepted it has said so already.
    const again = entry.recipients.some(({ attempts, last }) => attempts > 1 || last !== undefined)
    if (again) logActive(this.#input.log, entry)
    // To one next hop one after the other, over one connection; to several at once.
    const chains = Map.groupBy(jobs, destinationKey)
    const news = jobs.length > 1 ? new RunNews() : undefined
    const over = Promise.all(
      [...chains].map(async ([destination, chain]) => {
        const { transport = '' } = chain[0] ?? {}
        const limits = this.#input.options().limitsOf(transport)
        // With a pause between deliveries each of them waits for its turn.
        const { rateDelayMs, transportRateDelayMs = 0 } = limits
        const paused = rateDelayMs > 0 || transportRateDelayMs > 0
        const turns = paused ? chain.map((job) => [job]) : [chain]
        for (const turn of turns) {
          const entered = await this.#input.destinations.enter(destination, limits, turn[0]?.signal)
          if (entered === 'called off') {
            for (const job of turn) await this.#giveBack(job)
            continue
          }
          try {
            for (const job of turn) await this.#deliver(job, message, claimedMs, news)
          } finally {
            this.#input.destinations.leave(destination, limits)
          }
        }
      }),
    )
    if (news !== undefined) await this.#tell(news, over, jobs[0]?.signal)
    await over
  }

  /** Whoever still waits for his turn when the claim is about to end is told of alone. */
  async #tell(news: RunNews, over: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
    const { promise: ending, resolve: end } = Promise.withResolvers<void>()
    const onAbort = (): void => end()
    if (signal?.aborted === true) end()
    else signal?.addEventListener('abort', onAbort, { once: true })
    try {
      await Promise.race([over, ending])
    } finally {
      signal?.removeEventListener('abort', onAbort)
      await this.#input.recorder.conclude(news)
    }
  }

  /** A message that seems to kill its worker stops nobody else. Its count begins anew when it is released. */
  async #hold({ queueId, recipients }: QueueEntry): Promise<void> {
    const { queue, log, options, now } = this.#input
    const atMs = now()
    const diagnostic = `${options().crashLimit} attempts ended without a result`
    const note = { status: '4.3.0', diagnostic, remoteMta: 'none', atMs }
    await queue.setHold(queueId, 'held')
    await queue.settle(
      queueId,
      recipients.map(({ index }) => ({ index, kind: 'deferred', dueMs: atMs, note })),
    )
    const text = `message put on hold: ${diagnostic}; release it with: postsuper -H ${queueId}`
    log({ level: 'error', service: 'qmgr', queueId, text })
  }

  /** Its turn did not come before the lease ended: it is due as before, and others may go first. */
  async #giveBack({ entry, recipients }: DeliveryJob): Promise<void> {
    const atMs = this.#input.now()
    const waiting = { status: '4.3.0', diagnostic: 'waits for its turn', remoteMta: 'none', atMs }
    await this.#input.queue.settle(
      entry.queueId,
      recipients.map(({ index, last }) => ({ index, kind: 'deferred', dueMs: atMs, note: last ?? waiting })),
    )
  }

  async #deliver(
    job: DeliveryJob,
    message: QueuedMessage,
    claimedMs: number,
    news: RunNews | undefined,
  ): Promise<void> {
    // Whoever was claimed by a process that died is suspected; who only waits in such a claim is not its cause.
    if (job.recipients.some(({ attempts }) => attempts > 1)) {
      const indexes = job.recipients.map(({ index }) => index)
      await this.#input.queue.begin(job.entry.queueId, indexes)
    }
    const startedMs = this.#input.now()
    const attempts = await this.#input.deliverer.attempt(job, message)
    await this.#input.recorder.record(job, attempts, { service: job.transport, claimedMs, startedMs }, news)
  }
}
