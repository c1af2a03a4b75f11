import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { zoneFileResolver } from '@posthorn/dns'
import type { LogEvent } from '@posthorn/mail'
import {
  type Account,
  type EnvelopeOptions,
  type NewRecipient,
  openStore,
  type QueueId,
  type Store,
} from '@posthorn/storage'
import { createDeliveryAgents, type DeliveryOptions } from '../delivery/agents.ts'
import type { DeliveryAgent, ResolveRecipient } from '../delivery/attempt.ts'
import { defaultRemoteSettings, type RemoteSettings } from '../delivery/remote-settings.ts'
import { defaultQueueOptions, type QueueOptions } from './options.ts'
import { createQueueRunner, type QueueRunner } from './queue-runner.ts'

const remoteSettings: RemoteSettings = {
  ...defaultRemoteSettings,
  pool: { ...defaultRemoteSettings.pool, keepMs: 200 },
  tls: {
    ...defaultRemoteSettings.tls,
    policyFor: () => ({ kind: 'policy', policy: { level: 'none', match: [], tls: {} } }),
  },
}

/** A store in a temporary folder, a clock of its own, and a runner over it. For tests. */
export class QueueBench {
  readonly directory: string
  readonly store: Store
  readonly account: Account
  readonly lines: string[] = []
  readonly events: LogEvent[] = []
  nowMs = Date.UTC(2026, 0, 1)
  /** By which leases end; undefined: by `nowMs`. */
  steadyMs: number | undefined
  options: QueueOptions = { ...defaultQueueOptions, hostname: 'us.test' }
  /** Routes beyond the usual: `local@us.test` is a mailbox, other domains go out by MX. */
  resolve: ResolveRecipient
  runner: QueueRunner

  static async open(
    t: TestContext,
    setting: {
      readonly zone?: string
      readonly port?: number
      readonly agents?: Readonly<Record<string, DeliveryAgent>>
      readonly delivery?: Partial<DeliveryOptions>
      readonly remote?: Partial<RemoteSettings>
      readonly options?: Partial<QueueOptions>
      readonly quotaBytes?: number
    } = {},
  ): Promise<QueueBench> {
    const directory = mkdtempSync(join(tmpdir(), 'posthorn-queue-'))
    const store = await openStore({ directory })
    const account = await store.accounts.create({
      address: 'local@us.test',
      passwordHash: '',
      enabled: true,
      quotaBytes: setting.quotaBytes ?? 0,
      home: '',
    })
    const bench = new QueueBench(directory, store, account, setting)
    t.after(async () => {
      await bench.runner.stop(0)
      await store.close()
      rmSync(directory, { recursive: true, force: true })
    })
    return bench
  }

  private constructor(
    directory: string,
    store: Store,
    account: Account,
    setting: Parameters<typeof QueueBench.open>[1] = {},
  ) {
    this.directory = directory
    this.store = store
    this.account = account
    this.options = { ...this.options, ...setting.options }
    this.resolve = async ({ address }) => this.#route(address)
    const client = () => ({
      protocol: 'smtp' as const,
      heloName: 'us.test',
      tlsLevel: 'none' as const,
      timeouts: { heloMs: 2000, dataInitMs: 2000, dataDoneMs: 2000 },
    })
    const agents = createDeliveryAgents({
      resolver: zoneFileResolver(setting.zone ?? ''),
      resolve: (request) => this.resolve(request),
      hostname: () => 'us.test',
      families: ['ipv4'],
      smtpClient: client,
      lmtpClient: () => ({ ...client(), protocol: 'lmtp' }),
      now: () => this.nowMs,
      random: () => 0,
      smtp: () => ({ ...remoteSettings, ...setting.remote }),
      ...(setting.port === undefined ? {} : { smtpPort: setting.port }),
      ...setting.delivery,
    })
    const byTransport = new Map([...agents.byTransport, ...Object.entries(setting.agents ?? {})])
    this.runner = this.worker('worker-1', byTransport)
    this.byTransport = byTransport
  }

  readonly byTransport: ReadonlyMap<string, DeliveryAgent>

  worker(owner: string, agents: ReadonlyMap<string, DeliveryAgent> = this.byTransport): QueueRunner {
    return createQueueRunner({
      store: this.store,
      agents,
      resolve: (request) => this.resolve(request),
      log: (event) => {
        this.events.push(event)
        this.lines.push(
          `${event.service}: ${event.queueId === undefined ? '' : `${event.queueId}: `}${event.text}`,
        )
      },
      owner,
      options: () => this.options,
      now: () => this.nowMs,
      steadyNow: () => this.steadyMs ?? this.nowMs,
      random: () => 0,
    })
  }

  #route(address: string): Awaited<ReturnType<ResolveRecipient>> {
    if (address === 'local@us.test' || address === 'postmaster') {
      const prefix = Buffer.from('')
      const route = { kind: 'mailbox' as const, account: this.account.id, mailbox: 'INBOX', prefix }
      return { kind: 'to', recipients: [{ address, route }] }
    }
    if (address.endsWith('@us.test')) return { kind: 'refused', status: '5.1.1', text: 'unknown user' }
    return { kind: 'to', recipients: [this.recipient(address)] }
  }

  recipient(
    address: string,
    more: Partial<NewRecipient> & { transport?: string; nextHop?: string } = {},
  ): NewRecipient {
    const { transport = 'smtp', nextHop = address.slice(address.lastIndexOf('@') + 1), ...rest } = more
    return { address, route: { kind: 'queued', transport, nextHop, dueMs: this.nowMs }, ...rest }
  }

  async accept(
    recipients: readonly (string | NewRecipient)[],
    more: { sender?: string; content?: string; options?: EnvelopeOptions; hold?: true } = {},
  ): Promise<QueueId> {
    const writer = this.store.messages.stage()
    await writer.write(Buffer.from(more.content ?? 'Subject: test\r\n\r\nhello\r\n'))
    const queueId = this.store.queue.newId(this.nowMs)
    await this.store.queue.accept({
      message: await writer.finish(),
      entry: {
        queueId,
        sender: more.sender ?? 'local@us.test',
        recipients: recipients.map((each) => (typeof each === 'string' ? this.recipient(each) : each)),
        options: more.options ?? {},
        origin: { clientName: 'c', clientAddress: '192.0.2.1', helo: 'c', protocol: 'ESMTP' },
        arrivedMs: this.nowMs,
        ...(more.hold === true ? { hold: true as const } : {}),
      },
    })
    return queueId
  }

  /** Waits until something holds; fails after a minute. */
  async until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    const endMs = performance.now() + 60_000
    while (!(await holds())) {
      if (performance.now() > endMs) throw new Error(`never came: ${what}\n${this.lines.join('\n')}`)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }

  /** Until nothing is due and nothing runs. */
  quiet(): Promise<void> {
    return this.until('quiet', async () => {
      if (this.runner.active > 0) return false
      // Claimed by the runner, which has not begun with it yet.
      const entries = await this.store.queue.list()
      if (entries.some(({ recipients }) => recipients.some(({ state }) => state === 'claimed'))) return false
      const due = await this.store.queue.nextDueMs()
      return due === undefined || due > this.nowMs
    })
  }

  /** Moves the clock and looks into the queue, until all is quiet again. */
  async after(ms: number): Promise<void> {
    this.nowMs += ms
    this.runner.flush()
    await this.quiet()
  }

  async inbox(): Promise<string[]> {
    const box = await this.store.mailboxes.find(this.account.id, 'INBOX')
    if (box === undefined) return []
    const { uids } = await this.store.messages.view(box.id)
    const texts: string[] = []
    for await (const batch of this.store.messages.fetch(box.id, uids, { bytes: 'all' })) {
      for (const bytes of batch.bytes ?? []) texts.push(Buffer.from(bytes).toString())
    }
    return texts
  }

  /** Lines of one service, with queue IDs and delays made comparable. */
  logged(service: string): string[] {
    return this.lines
      .filter((line) => line.startsWith(`${service}: `))
      .map((line) =>
        line.replace(/\b[0-9A-F]{9,}\b/g, 'ID').replace(/delay=[^ ]+ delays=[^ ]+/, 'delay=D, delays=D,'),
      )
  }
}
