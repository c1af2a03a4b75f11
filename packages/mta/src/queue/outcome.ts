import type { DeliveryResult, Log } from '@posthorn/mail'
import type { Acceptance, DeliveryNote, QueueEntry, Settlement, Store } from '@posthorn/storage'
import { isWanted, type Report, type Reporter } from '../bounce/report.ts'
import { type Attempt, type DeliveryJob, decided } from '../delivery/attempt.ts'
import { filteredStatus } from '../delivery/filtered-status.ts'
import { logAttempt, logMade, logRemoved } from './log-lines.ts'
import type { QueueOptions } from './options.ts'
import type { RunNews } from './run-news.ts'
import { expiresMs, retryAtMs } from './schedule.ts'

export interface OutcomeInput {
  readonly store: Pick<Store, 'queue' | 'messages'>
  readonly reporter: Reporter
  readonly log: Log
  readonly options: () => QueueOptions
  readonly now: () => number
  readonly random: () => number
}

interface Settling {
  readonly entry: QueueEntry
  readonly settlements: readonly Settlement[]
  readonly reports: readonly Report[]
  readonly forwarded: readonly Acceptance[]
  readonly attempts: readonly Attempt[]
  readonly say: (attempt: Attempt) => void
}

/** What an attempt means for the queue: settlements, and the reports that go with them in one unit of work. */
export class OutcomeRecorder {
  readonly #input: OutcomeInput

  constructor(input: OutcomeInput) {
    this.#input = input
  }

  async record(
    job: DeliveryJob,
    given: readonly Attempt[],
    times: { readonly service: string; readonly claimedMs: number; readonly startedMs: number },
    news?: RunNews,
  ): Promise<void> {
    const { entry } = job
    const nowMs = this.#input.now()
    const say = (attempt: Attempt): void =>
      logAttempt(this.#input.log, entry, attempt, {
        ...times,
        nowMs: this.#input.now(),
        delayDigits: this.#input.options().delayDigits,
      })
    // Whether a mailbox had room is known when the store has settled.
    const soft = this.#input.options().softBounce === 'yes' ? given.map(softened) : given
    // What is returned by force was not tried: the queue manager alone says so.
    if (entry.forcedExpiry !== true)
      for (const attempt of soft) if (attempt.effect?.kind !== 'place') say(attempt)
    const expired = entry.forcedExpiry === true || nowMs >= expiresMs(entry, this.#input.options())
    const attempts = expired ? soft.map((attempt) => this.#giveUp(entry, attempt)) : soft
    const { settlements, warned } = this.#settlements(entry, attempts, nowMs)
    if (news?.isOpen !== true) {
      await this.#finish(job, { attempts, settlements, warned, say })
      return
    }
    const settled: { attempts: Attempt[]; settlements: Settlement[] } = { attempts: [], settlements: [] }
    for (const [i, attempt] of attempts.entries()) {
      const settlement = settlements[i] as Settlement
      if (attempt.result.action === 'failed' || warned.includes(attempt)) news.add(job, attempt, settlement)
      else {
        settled.attempts.push(attempt)
        settled.settlements.push(settlement)
      }
    }
    if (settled.attempts.length > 0) await this.#finish(job, { ...settled, warned: [], say })
  }

  /** All deliveries of a claim are over: one report to each sender. */
  async conclude(news: RunNews): Promise<void> {
    for (const { job, attempts, settlements } of news.take()) {
      const warned = attempts.filter(({ result }) => result.action === 'delayed')
      await this.#finish(job, { attempts, settlements, warned, say: () => {} })
    }
  }

  async #finish(
    job: DeliveryJob,
    {
      warned,
      ...outcome
    }: Omit<Settling, 'entry' | 'reports' | 'forwarded'> & { readonly warned: readonly Attempt[] },
  ): Promise<void> {
    const { entry } = job
    const { attempts } = outcome
    try {
      const reports = await this.#reports(job, attempts, warned, this.#input.now())
      const forwarded = await this.#forwards(job, attempts)
      await this.#settle({ ...outcome, entry, reports, forwarded })
    } catch (error) {
      await this.#settlePlainly(entry, attempts, error)
    }
  }

  /** The next server has it, and it never was in the queue: there is nothing to settle. */
  recordSent(
    { entry }: DeliveryJob,
    attempts: readonly Attempt[],
    times: { readonly service: string; readonly claimedMs: number; readonly startedMs: number },
  ): void {
    const { log, now, options } = this.#input
    const nowMs = now()
    const { delayDigits } = options()
    for (const attempt of attempts) logAttempt(log, entry, attempt, { ...times, nowMs, delayDigits })
    logRemoved(log, entry.queueId)
  }

  /**
   * A report, or a forwarded copy, could not be made (disk full …). What was delivered must not be delivered
   * again; what failed stays in the queue until its report can be made.
   */
  async #settlePlainly(entry: QueueEntry, attempts: readonly Attempt[], error: unknown): Promise<void> {
    const { log, now, options, random, store } = this.#input
    const nowMs = now()
    const text = `Cannot record what came of ${entry.queueId}; trying without reports`
    log({ level: 'error', service: 'qmgr', queueId: entry.queueId, text, error })
    const dueMs = retryAtMs(entry, nowMs, options(), random)
    const settlements = attempts.map(({ recipient: { index }, result, effect }): Settlement => {
      if (isGood(result) && effect === undefined) return { index, kind: 'done' }
      return { index, kind: 'deferred', dueMs, note: noteOf(result) }
    })
    const { removed } = await store.queue.settle(entry.queueId, settlements)
    if (removed) logRemoved(log, entry.queueId)
  }

  #giveUp(entry: QueueEntry, attempt: Attempt): Attempt {
    if (attempt.result.action !== 'delayed') return attempt
    const status = entry.forcedExpiry === true ? 'force-expired' : 'expired'
    const text = `from=<${entry.sender}>, status=${status}, returned to sender`
    this.#input.log({ level: 'info', service: 'qmgr', queueId: entry.queueId, text })
    return { ...attempt, result: { ...attempt.result, action: 'failed' } }
  }

  #settlements(
    entry: QueueEntry,
    attempts: readonly Attempt[],
    nowMs: number,
  ): { settlements: Settlement[]; warned: Attempt[] } {
    const options = this.#input.options()
    const due = retryAtMs(entry, nowMs, options, this.#input.random)
    const late = options.delayWarningMs > 0 && nowMs - entry.arrivedMs >= options.delayWarningMs
    const warned: Attempt[] = []
    const settlements = attempts.map((attempt): Settlement => {
      const { index, delayWarned, attempts: tried } = attempt.recipient
      const traced = entry.options.trace === 'first-attempt' && tried <= 1
      if (attempt.effect?.kind === 'place') {
        const { account, mailbox, prefix } = attempt.effect
        return { index, kind: 'place', account, mailbox, prefix }
      }
      if (attempt.result.action !== 'delayed') return { index, kind: 'done' }
      const warn = (late || traced) && !delayWarned
      if (warn) warned.push(attempt)
      return {
        index,
        kind: 'deferred',
        dueMs: due,
        note: noteOf(attempt.result),
        ...(warn || delayWarned ? { delayWarned: true } : {}),
      }
    })
    return { settlements, warned }
  }

  /** One report for each kind of news. */
  async #reports(
    job: DeliveryJob,
    attempts: readonly Attempt[],
    warned: readonly Attempt[],
    nowMs: number,
  ): Promise<Report[]> {
    const { entry, sender } = job
    const { reporter, options } = this.#input
    const results = (kind: 'failure' | 'delay' | 'success', list: readonly Attempt[]): DeliveryResult[] =>
      list.filter((attempt) => isWanted(attempt, kind)).map(({ result }) => result)
    const failed = results(
      'failure',
      attempts.filter(({ result }) => result.action === 'failed'),
    )
    const delayed = results('delay', warned)
    const good = attempts
      .filter((attempt) => isGood(attempt.result) && this.#isNews(attempt))
      .map(({ result }) => result)
    const made = [
      failed.length === 0 ? undefined : await reporter.make(entry, sender, 'failure', failed),
      delayed.length === 0
        ? undefined
        : await reporter.make(entry, sender, 'delay', delayed, Math.max(expiresMs(entry, options()), nowMs)),
      good.length === 0 ? undefined : await reporter.make(entry, sender, 'success', good),
      failed.length === 0 ? undefined : await reporter.copy(entry, sender, 'failure', failed),
      delayed.length === 0 ? undefined : await reporter.copy(entry, sender, 'delay', delayed),
    ]
    return made.filter((report) => report !== undefined)
  }

  /** Success that was asked for, or after a warning. Postfix: confirm_delay_cleared. */
  #isNews(attempt: Attempt): boolean {
    const cleared = attempt.recipient.delayWarned && this.#input.options().confirmDelayCleared === 'yes'
    return (
      (cleared && isWanted(attempt, 'delay')) || (isWanted(attempt, 'success') && !attempt.reportsPassedOn)
    )
  }

  async #forwards(job: DeliveryJob, attempts: readonly Attempt[]): Promise<Acceptance[]> {
    const made: Acceptance[] = []
    for (const { effect } of attempts) {
      if (effect?.kind !== 'expand') continue
      const { recipients } = effect
      const { smtpUtf8, requireTls } = job.entry.options
      const envelope = { sender: job.sender, recipients, smtpUtf8, requireTls }
      made.push(await this.#input.reporter.stage(job.content(), envelope))
    }
    return made
  }

  async #settle({ entry, settlements, reports, forwarded, attempts, say }: Settling): Promise<void> {
    const { store, log } = this.#input
    const made = [...reports.map(({ acceptance }) => acceptance), ...forwarded]
    const { unplaced, removed } = await store.queue.settle(entry.queueId, settlements, made)
    for (const { kind, acceptance } of reports) {
      const id = acceptance.entry.queueId
      log({ level: 'info', service: 'bounce', queueId: entry.queueId, text: `${reportWords[kind]}: ${id}` })
    }
    const full: Attempt[] = []
    for (const attempt of attempts) {
      if (attempt.effect?.kind !== 'place') continue
      if (unplaced.includes(attempt.recipient.index)) full.push(attempt)
      else say(attempt)
    }
    if (removed) logRemoved(log, entry.queueId)
    for (const { acceptance, messageId } of reports) await this.#logMade(acceptance, messageId)
    for (const acceptance of forwarded) await this.#logMade(acceptance, undefined)
    if (full.length > 0) await this.#overQuota(entry, full, say)
  }

  async #logMade(acceptance: Acceptance, messageId: string | undefined): Promise<void> {
    const { store, log, now } = this.#input
    const left = (await store.queue.get(acceptance.entry.queueId))?.recipients ?? []
    // Mail for elsewhere may have left already; it has lines of its own.
    const queued = acceptance.entry.recipients.filter(({ route }) => route.kind === 'queued')
    const waiting = new Set([...left, ...queued].map(({ address }) => address))
    const { delayDigits } = this.#input.options()
    logMade(log, acceptance, { messageId, waiting, nowMs: now(), delayDigits })
  }

  /** The mailbox was full when the store came to it: the recipients are ours still. */
  async #overQuota(
    entry: QueueEntry,
    attempts: readonly Attempt[],
    say: (attempt: Attempt) => void,
  ): Promise<void> {
    const nowMs = this.#input.now()
    const { statusFilterOf } = this.#input.options()
    const verdict = { action: 'delayed', status: '4.2.2', text: 'mailbox is full', relay: 'local' } as const
    const refused = attempts.map(({ recipient }) =>
      filteredStatus(decided(recipient, { ...verdict, nowMs }), statusFilterOf?.(recipient.transport)),
    )
    for (const attempt of refused) say(attempt)
    const expired = nowMs >= expiresMs(entry, this.#input.options())
    const given = expired ? refused.map((attempt) => this.#giveUp(entry, attempt)) : refused
    const { settlements, warned } = this.#settlements(entry, given, nowMs)
    const failed = given.filter(
      (attempt) => attempt.result.action === 'failed' && isWanted(attempt, 'failure'),
    )
    const delayed = warned.filter((attempt) => isWanted(attempt, 'delay'))
    const kinds = [
      ['failure', failed],
      ['delay', delayed],
    ] as const
    const reports: Report[] = []
    for (const [kind, list] of kinds) {
      if (list.length === 0) continue
      const report = await this.#input.reporter.make(
        entry,
        entry.sender,
        kind,
        list.map(({ result }) => result),
      )
      if (report !== undefined) reports.push(report)
    }
    await this.#settle({ entry, settlements, reports, forwarded: [], attempts: given, say })
  }
}

const reportWords = {
  failure: 'sender non-delivery notification',
  delay: 'sender delay notification',
  success: 'sender delivery status notification',
  'double-bounce': 'postmaster non-delivery notification',
  copy: 'postmaster copy',
} as const

/** Postfix: soft_bounce: nothing is refused for ever while a configuration is tried. */
const softened = (attempt: Attempt): Attempt => {
  const { result } = attempt
  if (result.action !== 'failed') return attempt
  return { ...attempt, result: { ...result, action: 'delayed', status: result.status.replace(/^5/, '4') } }
}

const isGood = ({ action }: DeliveryResult): boolean =>
  action === 'delivered' || action === 'relayed' || action === 'expanded'

const noteOf = ({ status, diagnostic, said, remoteMta, atMs }: DeliveryResult): DeliveryNote => ({
  status,
  diagnostic: said ?? diagnostic,
  remoteMta,
  atMs,
})

/** Postfix: postsuper -e: why it waited, or that somebody wanted it so. Nothing is tried. */
export const expiredNow = ({ recipients }: DeliveryJob, nowMs: number): readonly Attempt[] =>
  recipients.map((recipient) => {
    const { status = '4.7.0', diagnostic = 'message is administratively expired' } = recipient.last ?? {}
    return decided(recipient, { action: 'delayed', status, text: diagnostic, nowMs })
  })
