import {
  connectSmtp,
  type OutgoingMail,
  type RecipientOutcome,
  type SmtpClient,
  type SmtpClientOptions,
  type SmtpFailure,
  type SmtpServerAddress,
} from '@posthorn/smtp'
import type { QueuedRecipient } from '@posthorn/storage'
import type { OutgoingRewriting } from '../rewriting/index.ts'
import { type Attempt, actionOf, type DeliveryAgent, type DeliveryJob, decided } from './attempt.ts'
import { ConnectionPool } from './connection-pool.ts'
import { type MailHostOptions, mailHosts } from './mail-hosts.ts'
import { parseNextHop } from './next-hop.ts'

export interface SmtpAgentOptions extends MailHostOptions {
  readonly protocol: 'smtp' | 'lmtp'
  /** For a server; the agent asks before each connection, so that options may change. */
  readonly client: (server: SmtpServerAddress, nextHop: string) => SmtpClientOptions
  /** Postfix: smtp_mx_session_limit. */
  readonly sessionLimit: number
  readonly keepConnectionMs: number
  /** Postfix: smtp_generic_maps; undefined: what leaves is what came. */
  readonly rewriting?: () => OutgoingRewriting | undefined
  readonly now: () => number
}

/** Delivery to other servers by SMTP, or by LMTP. RFC 5321 §5.1, RFC 2033. */
export const smtpAgent = (options: SmtpAgentOptions): { readonly deliver: DeliveryAgent; close(): void } => {
  const pool = new ConnectionPool({ keepMs: options.keepConnectionMs, maxUses: 100 })
  return { deliver: (job) => new Delivery(job, options, pool).run(), close: () => pool.close() }
}

/** One job on its way through the servers of its next hop. */
class Delivery {
  readonly #job: DeliveryJob
  readonly #options: SmtpAgentOptions
  readonly #pool: ConnectionPool
  readonly #done = new Map<number, Attempt>()
  /** The last refusal for those still to be delivered. */
  readonly #soft = new Map<number, Attempt>()

  constructor(job: DeliveryJob, options: SmtpAgentOptions, pool: ConnectionPool) {
    this.#job = job
    this.#options = options
    this.#pool = pool
  }

  async run(): Promise<readonly Attempt[]> {
    const { nextHop, recipients } = this.#job
    if (!(await this.#reuse())) {
      const hop = parseNextHop(nextHop)
      if (hop === undefined) return this.#all('5.4.4', `unusable next hop: ${nextHop}`)
      const hosts = await mailHosts(hop, this.#options)
      if (hosts.kind === 'none') return this.#all(hosts.status, hosts.text)
      await this.#tryServers(hosts.servers)
    }
    return recipients.map(
      (recipient) =>
        this.#done.get(recipient.index) ??
        this.#soft.get(recipient.index) ??
        this.#verdict(recipient, '4.3.0', 'delivery broke off'),
    )
  }

  get #left(): readonly QueuedRecipient[] {
    return this.#job.recipients.filter(({ index }) => !this.#done.has(index))
  }

  /** A connection left over from the message before. False when it brought nothing to an end. */
  async #reuse(): Promise<boolean> {
    const kept = this.#pool.take(this.#job.nextHop)
    if (kept === undefined) return false
    const startedMs = performance.now()
    const outcomes = await this.#send(kept.client, this.#left)
    // The server may have closed it meanwhile: that says nothing about the mail.
    if (outcomes.every((outcome) => outcome.kind === 'refused' && outcome.failure.kind === 'lost'))
      return false
    this.#record(this.#left, outcomes, kept.client, { setUpMs: 0, startedMs, uses: kept.uses + 1 })
    this.#pool.give(this.#job.nextHop, kept.client, kept.uses + 1)
    return true
  }

  async #tryServers(servers: readonly SmtpServerAddress[]): Promise<void> {
    let sessions = 0
    let reached = false
    for (const server of servers) {
      if (sessions >= this.#options.sessionLimit || this.#left.length === 0 || this.#job.signal.aborted) break
      const startedMs = performance.now()
      const client = await connectSmtp(server, this.#options.client(server, this.#job.nextHop))
      const connectedMs = performance.now()
      if ('kind' in client) {
        if (client.kind === 'reply' || client.kind === 'auth') reached = true
        if (client.kind !== 'connect') sessions++
        this.#recordFailure(server, client, connectedMs - startedMs)
        continue
      }
      sessions++
      reached = true
      const recipients = this.#left
      const outcomes = await this.#send(client, recipients)
      this.#record(recipients, outcomes, client, {
        setUpMs: connectedMs - startedMs,
        startedMs: connectedMs,
        uses: 1,
      })
      this.#pool.give(this.#job.nextHop, client, 1)
      // After the final dot nobody knows whether the server has the message: another server might make it two.
      if (outcomes.some(isUncertain)) break
    }
    if (!reached)
      for (const [index, attempt] of this.#soft) this.#soft.set(index, { ...attempt, destinationDead: true })
  }

  async #send(
    client: SmtpClient,
    recipients: readonly QueuedRecipient[],
  ): Promise<readonly RecipientOutcome[]> {
    const { entry, sender, sizeBytes, signal } = this.#job
    const { body, envid, ret, smtpUtf8 } = entry.options
    const rewriting = this.#options.rewriting?.()
    const mail: OutgoingMail = {
      sender: rewriting === undefined || sender === '' ? sender : rewriting.address(sender),
      sizeBytes,
      recipients: recipients.map(({ address, notify, originalRecipient }) => ({
        address: rewriting === undefined ? address : rewriting.address(address),
        ...(notify === undefined ? {} : { notify }),
        ...(originalRecipient === undefined ? {} : { originalRecipient }),
      })),
      ...(body === undefined ? {} : { body }),
      ...(envid === undefined ? {} : { envid }),
      ...(ret === undefined ? {} : { ret }),
      ...(smtpUtf8 === undefined ? {} : { smtpUtf8 }),
      content: () =>
        rewriting === undefined ? this.#job.content() : rewriting.content(this.#job.content(), entry.queueId),
    }
    const stop = (): void => client.quit()
    signal.addEventListener('abort', stop, { once: true })
    try {
      return await client.send(mail)
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }

  #record(
    recipients: readonly QueuedRecipient[],
    outcomes: readonly RecipientOutcome[],
    client: SmtpClient,
    times: { readonly setUpMs: number; readonly startedMs: number; readonly uses: number },
  ): void {
    const transferMs = performance.now() - times.startedMs
    recipients.forEach((recipient, i) => {
      const outcome = outcomes[i]
      if (outcome === undefined) return
      const base = outcome.kind === 'sent' ? sent(outcome.reply.status) : refusal(outcome.failure)
      const text = outcome.kind === 'sent' ? outcome.reply.text : outcome.failure.text
      const quoted = outcome.kind === 'sent' ? outcome.reply : outcome.failure.reply
      const attempt: Attempt = {
        ...decided(recipient, { ...base, text, relay: client.remote, nowMs: this.#options.now() }),
        reportsPassedOn: outcome.kind === 'sent' && outcome.reports === 'dsn',
        setUpMs: times.setUpMs,
        transferMs,
        ...(times.uses > 1 ? { connectionUse: times.uses } : {}),
      }
      this.#keep(recipient, quoted === undefined ? attempt : quoting(attempt, quoted.text))
    })
  }

  #recordFailure(server: SmtpServerAddress, failure: SmtpFailure, setUpMs: number): void {
    const port = server.port === 0 ? '' : `:${server.port}`
    const relay = failure.kind === 'connect' ? 'none' : `${server.host}[${server.address}]${port}`
    for (const recipient of this.#left) {
      const verdict = { ...refusal(failure), text: failure.text, relay, nowMs: this.#options.now() }
      const attempt = { ...decided(recipient, verdict), setUpMs }
      this.#soft.set(
        recipient.index,
        failure.reply === undefined ? attempt : quoting(attempt, failure.reply.text),
      )
    }
  }

  /** A temporary refusal leaves room for another server. */
  #keep(recipient: QueuedRecipient, attempt: Attempt): void {
    if (attempt.result.action === 'delayed') this.#soft.set(recipient.index, attempt)
    else this.#done.set(recipient.index, attempt)
  }

  #all(status: string, text: string): readonly Attempt[] {
    return this.#job.recipients.map((recipient) => this.#verdict(recipient, status, text))
  }

  #verdict(recipient: QueuedRecipient, status: string, text: string): Attempt {
    return decided(recipient, { action: actionOf(status), status, text, nowMs: this.#options.now() })
  }
}

const sent = (status: string) => ({ action: 'relayed' as const, status })
const refusal = ({ status }: SmtpFailure) => ({ action: actionOf(status), status })

/** RFC 3464 §2.3.6: the other server's own words are of type smtp. */
const quoting = (attempt: Attempt, words: string): Attempt => ({
  ...attempt,
  result: { ...attempt.result, diagnostic: words, diagnosticType: 'smtp' },
})

const isUncertain = (outcome: RecipientOutcome): boolean =>
  outcome.kind === 'refused' &&
  (outcome.failure.kind === 'lost' || outcome.failure.kind === 'timeout') &&
  outcome.failure.text.includes('sending end of data')
