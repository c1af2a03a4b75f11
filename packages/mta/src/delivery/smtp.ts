import type { Resolver } from '@posthorn/dns'
import type { Log, LogEvent } from '@posthorn/mail'
import {
  connectSmtp,
  type RecipientOutcome,
  type SmtpClient,
  type SmtpFailure,
  type SmtpServerAddress,
} from '@posthorn/smtp'
import type { QueuedRecipient } from '@posthorn/storage'
import type { OutgoingRewriting } from '../rewriting/index.ts'
import { answered, LookupFailed } from '../tables/index.ts'
import { type Attempt, actionOf, type DeliveryAgent, type DeliveryJob, decided } from './attempt.ts'
import { ConnectionPool, type PooledConnection } from './connection-pool.ts'
import { endpointOf, type Terms } from './endpoint.ts'
import { filteredResolver } from './filtered-resolver.ts'
import { filteredStatus } from './filtered-status.ts'
import { type MailHostOptions, mailHosts } from './mail-hosts.ts'
import { mailOf } from './mail-of.ts'
import { chosenBy, parseNextHop, splitNextHops } from './next-hop.ts'
import type { ClientFor, RemoteSettings } from './remote-settings.ts'
import { isStale, isUncertain, quoting, refusal, sent } from './smtp-outcome.ts'
import { TlsPlan } from './tls-plan.ts'

export interface SmtpAgentOptions
  extends Pick<MailHostOptions, 'families' | 'defaultPort' | 'isOwnName' | 'isOwnAddress' | 'random'> {
  readonly protocol: 'smtp' | 'lmtp'
  readonly resolver: Resolver
  readonly client: ClientFor
  readonly settings: () => RemoteSettings
  /** Postfix: smtp_generic_maps; undefined: what leaves is what came. */
  readonly rewriting?: () => OutgoingRewriting | undefined
  readonly log?: Log
  readonly now: () => number
}

/** Delivery to other servers by SMTP, or by LMTP. RFC 5321 §5.1, RFC 2033. */
export const smtpAgent = (options: SmtpAgentOptions): { readonly deliver: DeliveryAgent; close(): void } => {
  const pool = new ConnectionPool()
  return { deliver: (job) => new Delivery(job, options, pool).run(), close: () => pool.close() }
}

/** One job on its way through the servers of its next hop, and of the fallback relays. */
class Delivery {
  readonly #job: DeliveryJob
  readonly #options: SmtpAgentOptions
  readonly #settings: RemoteSettings
  readonly #pool: ConnectionPool
  readonly #done = new Map<number, Attempt>()
  /** The last refusal for those still to be delivered. */
  readonly #soft = new Map<number, Attempt>()
  #key: string | undefined
  #keeps = false
  #reached = false
  /** After the final dot nobody knows whether a server has the message: another server might make it two. */
  #uncertain = false

  constructor(job: DeliveryJob, options: SmtpAgentOptions, pool: ConnectionPool) {
    this.#job = job
    this.#options = options
    this.#settings = options.settings()
    this.#pool = pool
  }

  async run(): Promise<readonly Attempt[]> {
    this.#keeps = this.#pool.keeps(this.#poolKey, this.#job.nextHop, this.#settings.pool)
    if ((await this.#reuse(this.#poolKey)) === undefined) {
      for (const nextHop of [...splitNextHops(this.#job.nextHop), ...this.#settings.fallbackRelays]) {
        await this.#tryHop(nextHop)
        if (this.#uncertain || this.#left.length === 0 || this.#job.signal.aborted) break
      }
      if (!this.#reached) this.#callDead()
    }
    return this.#job.recipients.map((recipient) => {
      const attempt =
        this.#done.get(recipient.index) ??
        this.#soft.get(recipient.index) ??
        this.#verdict(recipient, '4.3.0', 'delivery broke off')
      return filteredStatus(attempt, this.#settings.statusFilter)
    })
  }

  get #left(): readonly QueuedRecipient[] {
    return this.#job.recipients.filter(({ index }) => !this.#done.has(index))
  }

  /** What one connection may carry: mail to one place that asks the same of it. */
  get #poolKey(): string {
    this.#key ??= this.#makePoolKey()
    return this.#key
  }

  #makePoolKey(): string {
    const { entry, nextHop, sender } = this.#job
    return `${nextHop}\0${entry.options.requireTls === true ? 'requiretls' : ''}\0${this.#login(sender)}`
  }

  /** Postfix: smtp_sender_dependent_authentication: another sender may be another user. */
  #login(sender: string): string {
    if (this.#settings.logins === 'none') return ''
    const nowhere = { host: '', address: '', port: 0 }
    const userAt = (nextHop: string) => this.#options.client(nowhere, nextHop, sender).login?.user ?? ''
    return splitNextHops(this.#job.nextHop).map(userAt).join('\0')
  }

  /** By a connection that was kept under that name. undefined: it brought nothing to an end. */
  async #reuse(label: string): Promise<readonly RecipientOutcome[] | undefined> {
    const kept = this.#pool.take(label)
    if (kept === undefined) return undefined
    const recipients = this.#left
    const startedMs = performance.now()
    const outcomes = await this.#send(kept.client, recipients)
    // The server may have closed it meanwhile: that says nothing about the mail.
    if (outcomes.every((outcome) => outcome.kind === 'refused' && isStale(outcome.failure))) return undefined
    this.#record(recipients, outcomes, kept, { setUpMs: 0, startedMs })
    this.#giveBack(kept)
    return outcomes
  }

  #giveBack(used: PooledConnection): void {
    this.#pool.done(this.#poolKey)
    if (!this.#keeps) used.client.quit()
    else this.#pool.give(this.#poolKey, { ...used, uses: used.uses + 1 }, this.#settings.pool)
  }

  async #tryHop(nextHop: string): Promise<void> {
    const hop = parseNextHop(nextHop)
    if (hop === undefined) return this.#refuse('5.4.4', `unusable next hop: ${nextHop}`)
    const plan = await TlsPlan.make({
      job: this.#job,
      nextHop,
      hop,
      resolver: this.#options.resolver,
      settings: this.#settings.tls,
      srv: this.#settings.srv,
    })
    if (plan.kind === 'refused') return this.#refuse(plan.status, plan.text)
    const { hostLookup, families, defaultPort, dnsFilter } = this.#settings
    const { resolver } = plan.plan
    const hosts = await mailHosts(hop, {
      ...this.#settings,
      ...this.#options,
      chosenBy: chosenBy(nextHop, this.#left),
      families: families ?? this.#options.families,
      defaultPort: defaultPort ?? this.#options.defaultPort,
      // Names whose answers are proven come from DNS, whatever else is configured.
      hostLookup: plan.plan.proven ? ['dns'] : hostLookup,
      resolver: dnsFilter === undefined ? resolver : filteredResolver(resolver, dnsFilter),
    })
    if (hosts.kind === 'none') return this.#refuse(hosts.status, hosts.text)
    await this.#tryServers(nextHop, hosts.servers, plan.plan)
  }

  async #tryServers(nextHop: string, servers: readonly SmtpServerAddress[], plan: TlsPlan): Promise<void> {
    let sessions = 0
    const { sessionLimit } = this.#settings
    for (const server of servers) {
      if ((sessionLimit > 0 && sessions >= sessionLimit) || this.#left.length === 0) break
      if (this.#job.signal.aborted || this.#uncertain) break
      const tls = await plan.decide(server)
      if (tls.kind === 'skip') {
        this.#refuse(tls.status, tls.text)
        continue
      }
      const isLast = server === servers.at(-1)
      const site = this.#options.client(server, nextHop, this.#job.sender)
      const endpoint = endpointOf(server, { site, tls, job: this.#job })
      let outcomes = await this.#reuse(endpoint)
      if (outcomes !== undefined) {
        this.#reached = true
        sessions++
      } else {
        const opened = await this.#open(nextHop, server, { site, tls, endpoint })
        if (opened !== 'no connection') sessions++
        if (typeof opened === 'string') {
          if (opened === 'no session' && !isLast) this.#logPassedOver()
          continue
        }
        outcomes = await this.#sendBy(opened)
      }
      if (outcomes.some(isUncertain)) this.#uncertain = true
      else if (!isLast) this.#logPassedOver()
    }
  }

  /** Over a new connection. */
  async #sendBy(opened: PooledConnection): Promise<readonly RecipientOutcome[]> {
    const recipients = this.#left
    const startedMs = performance.now()
    const outcomes = await this.#send(opened.client, recipients)
    this.#record(recipients, outcomes, opened, { setUpMs: startedMs - opened.openedMs, startedMs })
    this.#giveBack(opened)
    return outcomes
  }

  /** Why another server is asked. Postfix: smtp_trouble(3). */
  #logPassedOver(): void {
    const reasons = this.#left.flatMap(({ index }) => this.#soft.get(index)?.said ?? [])
    for (const text of new Set(reasons)) this.#log({ text, queueId: this.#job.entry.queueId })
  }

  #log(event: Pick<LogEvent, 'text' | 'queueId'> & Partial<Pick<LogEvent, 'level'>>): void {
    this.#options.log?.({ level: 'info', service: this.#options.protocol, ...event })
  }

  /** A session that is ready for mail; or what there was of one. */
  async #open(
    nextHop: string,
    server: SmtpServerAddress,
    { site, tls, endpoint }: Terms & { readonly endpoint: string },
  ): Promise<PooledConnection | 'no connection' | 'no session'> {
    const openedMs = performance.now()
    const client = await connectSmtp(server, {
      ...site,
      ...(hasPortOfItsOwn(nextHop) ? { ownHost: 'configured' as const } : {}),
      tlsLevel: tls.level,
      certificate: tls.certificate,
      tls: { ...site.tls, ...tls.tls },
      ...(tls.onTls === undefined ? {} : { onTls: tls.onTls }),
      onUnbound: (address) =>
        this.#log({ level: 'warning', text: `bind ${address}: Cannot assign requested address` }),
    })
    if ('kind' in client) {
      if (client.kind === 'reply' || client.kind === 'auth') this.#reached = true
      this.#recordFailure(server, client, performance.now() - openedMs)
      // Of no message: the next one hears the same. Postfix: smtp_connect(3).
      if (client.kind === 'connect') this.#log({ text: client.text })
      return client.kind === 'connect' ? 'no connection' : 'no session'
    }
    this.#reached = true
    this.#logTls(client)
    if (this.#settings.noteStartTls === 'yes' && tls.level === 'none' && client.offers('STARTTLS'))
      this.#log({ text: `Host offered STARTTLS: [${server.host}]` })
    return { client, uses: 0, openedMs, endpoint }
  }

  /** Postfix: smtp_tls_loglevel = 1. */
  #logTls({ tls, remote }: SmtpClient): void {
    if (tls === undefined || this.#settings.logTls === 'no') return
    const { trust, protocol, cipher } = tls
    this.#log({
      text: `${trust} TLS connection established to ${remote}: ${protocol} with cipher ${cipher}`,
    })
  }

  async #send(
    client: SmtpClient,
    recipients: readonly QueuedRecipient[],
  ): Promise<readonly RecipientOutcome[]> {
    const { signal } = this.#job
    const stop = (): void => client.quit()
    signal.addEventListener('abort', stop, { once: true })
    try {
      const how = {
        rewriting: this.#options.rewriting?.(),
        sevenBitConversion: this.#settings.sevenBitConversion,
        nowMs: this.#options.now(),
      }
      const mail = answered(() => mailOf(this.#job, recipients, how))
      return await client.send(mail instanceof Promise ? await mail : mail)
    } catch (error) {
      if (!(error instanceof LookupFailed)) throw error
      const failure = { kind: 'capability' as const, status: '4.3.0', text: 'address mapping lookup failure' }
      return recipients.map(() => ({ kind: 'refused' as const, failure }))
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }

  #record(
    recipients: readonly QueuedRecipient[],
    outcomes: readonly RecipientOutcome[],
    { client, uses }: PooledConnection,
    times: { readonly setUpMs: number; readonly startedMs: number },
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
        ...(uses > 0 ? { connectionUse: uses + 1 } : {}),
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

  /** For whoever is left, until a later server says something else. */
  #refuse(status: string, text: string): void {
    for (const recipient of this.#left)
      this.#soft.set(recipient.index, this.#verdict(recipient, status, text))
    // Not the host is dead, but its name or our demand: other mail will hear the same without a connection.
    this.#reached = true
  }

  #callDead(): void {
    for (const [index, attempt] of this.#soft) this.#soft.set(index, { ...attempt, destinationDead: true })
  }

  #verdict(recipient: QueuedRecipient, status: string, text: string): Attempt {
    return decided(recipient, { action: actionOf(status), status, text, nowMs: this.#options.now() })
  }
}

/** Postfix looks for loops on port 25 alone. */
const hasPortOfItsOwn = (nextHop: string): boolean => {
  const hop = parseNextHop(nextHop)
  return hop?.kind === 'unix' || (hop?.port !== undefined && hop.port !== 25)
}
