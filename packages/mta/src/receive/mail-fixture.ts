import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createAccounts, createLogins } from '@posthorn/accounts'
import { type ZoneFileResolver, zoneFileResolver } from '@posthorn/dns'
import type { Log, LogEvent } from '@posthorn/mail'
import type { MailFrom, RcptTo, SmtpHandler, SmtpReply, SmtpSession } from '@posthorn/smtp'
import { type Account, openStore, type Store } from '@posthorn/storage'
import { type ContentCheckOptions, createContentChecks } from '../checks/index.ts'
import { createMilters, defaultMilterOptions, type MilterOptions } from '../milter/index.ts'
import {
  createGreylist,
  createNetworkList,
  createPolicy,
  type GreylistOptions,
  type Policy,
  type PolicyOptions,
  type PolicySources,
} from '../policy/index.ts'
import { createRouting, type Routing, type RoutingOptions } from '../routing/index.ts'
import { createTables } from '../tables/index.ts'
import { type ClientLimitOptions, createClientLimits } from './client-limits.ts'
import type { ReceiveConfiguration, ReceiveOptions } from './receive-options.ts'
import { createReceiver } from './receiver.ts'

/** A whole receiving side on a temporary store, for tests. */
export interface MailFixture {
  readonly folder: string
  readonly store: Store
  readonly handler: SmtpHandler
  readonly routing: Routing
  readonly configuration: ReceiveConfiguration
  readonly dns: ZoneFileResolver
  readonly clock: { ms: number }
  readonly events: LogEvent[]
  /** Log lines as `service QUEUEID: text`, the queue ID as `ID`. */
  lines(): string[]
  session(over?: Partial<SmtpSession>): Promise<SmtpSession>
  /** Says MAIL, RCPT …, DATA and the message; the replies as `250 2.1.0 Ok`. */
  say(session: SmtpSession, from: string, to: readonly string[], message?: string): Promise<string[]>
  /** Messages in an account's INBOX, octets as text. */
  inbox(address: string): Promise<string[]>
  close(): Promise<void>
}

export interface FixtureOptions {
  readonly accounts?: readonly (string | (Partial<Account> & { readonly address: string }))[]
  readonly routing?: Partial<RoutingOptions>
  readonly policy?: Partial<PolicyOptions>
  readonly receive?: Partial<ReceiveOptions>
  readonly checks?: ContentCheckOptions
  readonly greylist?: GreylistOptions
  readonly limits?: Partial<ClientLimitOptions> & { readonly tell?: (account: string) => void }
  readonly milters?: Partial<MilterOptions> & {
    readonly smtpd: readonly string[]
    readonly maps?: readonly string[]
    readonly headerChecks?: readonly string[]
  }
  readonly mynetworks?: readonly string[]
  readonly zone?: string
  /** Name in the folder → text. `$FOLDER` is the folder, in texts and options. */
  readonly files?: Readonly<Record<string, string>>
}

export async function openMailFixture(options: FixtureOptions = {}): Promise<MailFixture> {
  const folder = mkdtempSync(join(tmpdir(), 'mail-'))
  for (const [name, text] of Object.entries(options.files ?? {})) {
    mkdirSync(dirname(join(folder, name)), { recursive: true, mode: 0o755 })
    writeFileSync(join(folder, name), withFolder(text, folder), { mode: 0o644 })
  }
  const clock = { ms: Date.UTC(2026, 10, 21, 12) }
  const now = () => clock.ms
  const events: LogEvent[] = []
  const log = (event: LogEvent) => void events.push(event)
  const store = await openStore({ directory: join(folder, 'store'), now })
  await createTestAccounts(store, options)
  const tables = createTables({ log, now })
  const dns = zoneFileResolver(options.zone ?? '')
  const accounts = createAccounts({
    store,
    log,
    now,
    options: () => ({
      defaultDomain: 'example.org',
      localDomains: ['example.org', 'localhost'],
      memoryKib: 64,
      timeCost: 2,
    }),
    sleep: async () => {},
  })
  const routing = await createRouting(
    withFolder(
      {
        myhostname: 'mx.example.org',
        mydomain: 'example.org',
        myorigin: 'example.org',
        mydestination: ['example.org', 'localhost', 'mx.example.org'],
        recipientDelimiter: '+',
        localAddresses: () => ['127.0.0.1', '192.0.2.25'],
        ...options.routing,
      },
      folder,
    ),
    { tables, accounts, store, log, now },
  )
  const policy = createTestPolicy(options, { folder, tables, dns, addresses: routing, store, log, now })
  const configuration: ReceiveConfiguration = {
    options: { myhostname: 'mx.example.org', banner: 'mx.example.org ESMTP Posthorn', ...options.receive },
    policy,
    routing,
    milters: testMilters(withFolder(options, folder), { tables, log }),
    contentChecks: createContentChecks(withFolder(options.checks ?? {}, folder), tables),
    mynetworks: createNetworkList(options.mynetworks ?? ['127.0.0.0/8', '[::1]/128'], { log, now, tables }),
  }
  const limits = testLimits(options, store, log, now)
  const handler = createReceiver({
    store,
    accounts,
    logins: createLogins({ store, log }),
    dns,
    log,
    now,
    configuration: () => ({ ...configuration, limits }),
  })
  return {
    folder,
    store,
    handler,
    routing,
    configuration,
    dns,
    clock,
    events,
    lines: () => events.map(lineOf),
    session: (over) => connect(handler, over),
    say: (session, from, to, message) => say(handler, session, from, to, message),
    inbox: (address) => inbox(store, address),
    async close() {
      routing.close()
      await store.close()
      rmSync(folder, { recursive: true })
    },
  }
}

function testMilters({ milters }: FixtureOptions, context: Parameters<typeof createMilters>[1]) {
  if (milters === undefined) return undefined
  const { smtpd, maps = [], headerChecks = [], ...over } = milters
  const settings = {
    ...defaultMilterOptions,
    myhostname: 'mx.example.org',
    daemonName: 'mx.example.org',
    ...over,
  }
  return createMilters({ smtpd, nonSmtpd: smtpd, maps, headerChecks, settings }, context)
}

function testLimits({ limits = {} }: FixtureOptions, store: Store, log: Log, now: () => number) {
  const none = {
    connections: 0,
    messages: 0,
    recipients: 0,
    authentications: 0,
    tlsSessions: 0,
    accountRecipients: 0,
  }
  const exceptions = createNetworkList(['127.0.0.0/8'], { log, now, tables: createTables({ log, now }) })
  return createClientLimits(
    { unitMs: 60_000, hostname: 'mx.example.org', accountUnitMs: 3_600_000, ...none, ...limits },
    { counters: store.counters, exceptions, log, now, tellPostmaster: limits.tell ?? (() => {}) },
  )
}

interface PolicyPlace extends Omit<PolicySources, 'greylist'> {
  readonly folder: string
  readonly store: Store
}

function createTestPolicy(options: FixtureOptions, place: PolicyPlace): Policy {
  const { folder, store, log, now } = place
  return createPolicy(
    withFolder(
      {
        restrictions: { relay: 'permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination' },
        recipientDelimiter: '+',
        ...options.policy,
      },
      folder,
    ),
    {
      ...place,
      greylist: createGreylist(store.greylist, withFolder(options.greylist ?? {}, folder), {
        log,
        now,
        dns: place.dns,
      }),
    },
  )
}

async function createTestAccounts(store: Store, options: FixtureOptions): Promise<void> {
  const domains = new Set<string>()
  for (const given of options.accounts ?? ['alice@example.org', 'bob@example.org']) {
    const account = typeof given === 'string' ? { address: given } : given
    await store.accounts.create({ passwordHash: '', enabled: true, quotaBytes: 0, home: '', ...account })
    domains.add(account.address.slice(account.address.lastIndexOf('@') + 1))
  }
  await store.accounts.setDomains([...domains])
}

function withFolder<T>(value: T, folder: string): T {
  if (typeof value === 'string') return value.replaceAll('$FOLDER', folder) as T
  if (Array.isArray(value)) return value.map((one: unknown) => withFolder(one, folder)) as T
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, withFolder(one, folder)])) as T
}

function lineOf(event: LogEvent): string {
  const text =
    event.queueId === undefined || event.queueId === 'NOQUEUE'
      ? event.text
      : event.text.replaceAll(event.queueId, 'ID')
  const id = event.queueId === undefined ? '' : event.queueId === 'NOQUEUE' ? 'NOQUEUE: ' : 'ID: '
  return `${event.service} ${id}${text}`
}

let sessions = 0

async function connect(handler: SmtpHandler, over: Partial<SmtpSession> = {}): Promise<SmtpSession> {
  return (await connection(handler, over)).session
}

export async function connection(handler: SmtpHandler, over: Partial<SmtpSession> = {}) {
  const session: SmtpSession = {
    id: `s${++sessions}`,
    service: 'mx',
    clientAddress: '127.0.0.1',
    clientPort: 50_000,
    localAddress: '127.0.0.1',
    localPort: 25,
    clientName: '',
    helo: 'client.example.net',
    protocol: 'ESMTP',
    tls: undefined,
    user: undefined,
    trusted: false,
    ...over,
  }
  return { session, reply: await handler.connect(session) }
}

export const mailFrom = (address: string, over: Partial<MailFrom> = {}): MailFrom => ({
  address,
  sizeBytes: undefined,
  body: undefined,
  smtpUtf8: false,
  requireTls: false,
  ret: undefined,
  envid: undefined,
  ...over,
})

export const rcptTo = (address: string, over: Partial<RcptTo> = {}): RcptTo => ({
  address,
  notify: undefined,
  originalRecipient: undefined,
  ...over,
})

export const replyText = (reply: SmtpReply): string =>
  `${reply.code} ${reply.status === undefined ? '' : `${reply.status} `}${[reply.text].flat().join('\n')}`

const simpleMessage = 'From: x@example.net\r\nMessage-ID: <1@x>\r\nSubject: hi\r\n\r\nbody\r\n'

async function say(
  handler: SmtpHandler,
  session: SmtpSession,
  from: string,
  to: readonly string[],
  message: string = simpleMessage,
): Promise<string[]> {
  const { reply, transaction } = await handler.mail(session, mailFrom(from))
  const replies = [replyText(reply)]
  if (transaction === undefined) return replies
  let accepted = 0
  for (const address of to) {
    const answer = await transaction.rcpt(rcptTo(address))
    if (answer.code === 250) accepted++
    replies.push(replyText(answer))
  }
  if (accepted === 0) return replies
  const go = await transaction.data()
  replies.push(replyText(go))
  if (go.code !== 354) return replies
  await transaction.write(Buffer.from(message))
  const end = [await transaction.end()].flat() as SmtpReply[]
  for (const one of end) replies.push(replyText(one).replaceAll(transaction.queueId, 'ID'))
  return replies
}

async function inbox(store: Store, address: string): Promise<string[]> {
  const account = await store.accounts.find(address)
  if (account === undefined) throw new Error(`no account ${address}`)
  const mailbox = await store.mailboxes.find(account.id, 'INBOX')
  if (mailbox === undefined) throw new Error('no INBOX')
  const { uids } = await store.messages.view(mailbox.id)
  const texts: string[] = []
  for await (const batch of store.messages.fetch(mailbox.id, uids, { bytes: 'all' })) {
    for (const bytes of batch.bytes ?? []) texts.push(Buffer.from(bytes).toString('latin1'))
  }
  return texts
}
