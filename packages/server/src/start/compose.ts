/** The composition root: one process's server, every part made once and handed to those who need it. */
import { hostname } from 'node:os'
import { join } from 'node:path'
import { type Accounts, createAccounts, createLogins, type Logins } from '@posthorn/accounts'
import { createResolver, type Resolver } from '@posthorn/dns'
import { createImapService, listingMaker } from '@posthorn/imap'
import type { Log } from '@posthorn/mail'
import { AnvilStatistics, type ClientStatistics, TableContents } from '@posthorn/mta'
import type { TlsCredentials } from '@posthorn/net'
import { createPop3Service } from '@posthorn/pop3'
import type { QueueId, Store, WakeBus } from '@posthorn/storage'
import type { Config } from '../config/config.ts'
import { type ListedEntry, listedEntry } from '../control/public-server.ts'
import { accountOptions } from '../services/account-options.ts'
import { bounceTemplates } from '../services/bounce-templates.ts'
import { statisticsTimes } from '../services/client-limits.ts'
import { imapOptions } from '../services/imap-options.ts'
import { pop3Options } from '../services/pop3-options.ts'
import { tokenValidators } from '../services/token-validators.ts'
import { userSources } from '../services/user-sources.ts'
import { admittedUsers } from './admitted-users.ts'
import { CurrentConfig } from './current-config.ts'
import type { DataFolder } from './data-folder.ts'
import { makeSampleAccounts } from './first-run.ts'
import { openListeners } from './listeners.ts'
import { loginSenders } from './login-senders.ts'
import { openSiteStore } from './open-site-store.ts'
import { createPickup, type PickupParts } from './pickup.ts'
import type { ServiceName } from './ports.ts'
import { returnedBytes, returnedMail } from './returned-mail.ts'
import type { FlushRequest, ProcessStatus } from './running.ts'
import { serverCredentials } from './server-credentials.ts'
import { createSmtpServices } from './smtp-services.ts'
import { createTransfer } from './transfer.ts'

export interface ComposeParts {
  readonly config: Config
  readonly folder: DataFolder
  readonly log: Log
  readonly wakeBus?: WakeBus
  /** Called when keys have been read, before the store is opened: from here on nobody needs to be root. */
  readonly dropPrivileges?: () => void
  /** Told what clients do. Default: this process writes the lines of anvil(8). */
  readonly statistics?: ClientStatistics
  /** Tests answer DNS questions from a zone file. */
  readonly resolver?: Resolver
  /** ms since 1970. */
  readonly now?: () => number
  /** Replaces a configured port: tests take any free one. */
  readonly portOf?: (service: ServiceName, configured: number) => number
}

/** Entries of the queue in one answer to users. */
const listPage = 50
/** The first page is short: its first line is what people wait for. */
const firstListPage = 25

export type ComposedServer = Awaited<ReturnType<typeof composeServer>>

/** Starts everything and listens. What fails closes what was opened before it throws. */
export async function composeServer(parts: ComposeParts) {
  const { folder, log } = parts
  const now = parts.now ?? Date.now
  const current = new CurrentConfig(parts.config)
  const credentials = await serverCredentials(parts, { log, now })
  // What is wrong with them is told now, not at the first login.
  tokenValidators(parts.config, { log, now })
  const store = await openStoreOf(parts, now)
  try {
    const contents = new TableContents()
    const resolver = parts.resolver ?? createResolver({ servers: parts.config.values.dns_servers })
    const accounts = createAccounts({
      store,
      now,
      log,
      options: current.options((c) => accountOptions(c.values)),
      sources: current.options((c) => userSources(c, { log, now, contents })),
    })
    const owner = `${hostname()}:${process.pid}:${now()}`
    const logins = createLogins({ store, log })
    const given = { config: parts.config, store, accounts, logins, log, now }
    const anvil = new AnvilStatistics(log, now, () => statisticsTimes(current.config))
    const statistics = parts.statistics ?? anvil
    const transfer = await createTransfer({ ...given, resolver, owner, statistics, contents })
    const tallies = parts.config.values.workers > 1 ? store.tallies : undefined
    const services = createServices({ current, ...given, transfer, credentials, tallies })
    const { isTrusted } = transfer
    const reading = { ...services, credentials: credentials.reading, log, isTrusted, tallies }
    const listeners = await openListeners({
      config: parts.config,
      log,
      smtp: services.smtp,
      reading,
      portOf: parts.portOf ?? ((_, configured) => configured),
    }).catch(async (error) => {
      await transfer.stopQueue(0)
      transfer.close()
      throw error
    })
    transfer.start()
    const local = localActions({ ...transfer, current, folder, store, log, now })
    void local.pickup()
    return {
      local,
      ports: listeners.ports,
      places: listeners.places,
      store,
      accounts,
      logins,
      certificatePem: credentials.certificatePem,
      status: async () => await processStatus(services, store),
      sampleAccounts: async () =>
        await makeSampleAccounts(accounts, current.config.values.auth_default_realm),
      /** All or nothing: a fault leaves everything as it was. */
      reload: async (next: Config): Promise<void> => {
        const replaceCertificates = await credentials.prepare(next)
        await readSources(next, { log, now, contents })
        await transfer.reload(next)
        replaceCertificates(credentials)
        current.config = next
        services.smtp.setOptions(next)
        listeners.reload(next)
      },
      /** Stops accepting, lets sessions finish their command, says BYE / 421, flushes. */
      stop: async (): Promise<void> => {
        await listeners.stop()
        await local.close()
        await endServices(services, transfer, current.config.values.shutdown_grace)
        transfer.close()
        logins.close()
        anvil.close()
        await listeners.close()
        await store.close()
      },
    }
  } catch (error) {
    await store.close()
    throw error
  }
}

const openStoreOf = async (
  { config, folder, log, wakeBus }: ComposeParts,
  now: () => number,
): Promise<Store> =>
  await openSiteStore({
    directory: folder.storeFolder,
    now,
    log,
    defaultQuotaBytes: config.values.mailbox_size_limit,
    defaultQuotaMessages: config.values.quota_message_count,
    listing: listingMaker,
    ...(wakeBus === undefined ? {} : { wakeBus }),
  })

/** Their tables, before somebody logs in and has to wait for that. */
async function readSources(
  config: Config,
  context: { readonly log: Log; readonly now: () => number; readonly contents: TableContents },
): Promise<void> {
  await context.contents.prepare((longFiles) => userSources(config, { ...context, longFiles }))
}

/** Sessions end when their command has, and the deliveries under way. */
async function endServices(
  { smtp, imap, pop3 }: ReturnType<typeof createServices>,
  transfer: ServiceParts['transfer'],
  graceMs: number,
): Promise<void> {
  await Promise.all([
    smtp.close('graceful', graceMs),
    imap.close(graceMs),
    pop3.close(graceMs),
    transfer.stopQueue(graceMs),
  ])
}

interface LocalParts extends Pick<PickupParts, 'log' | 'submit' | 'verificationReport'> {
  readonly current: CurrentConfig
  readonly folder: DataFolder
  readonly store: Store
  readonly flushDomain: (domain: string) => Promise<void>
  readonly now: () => number
}

/** What is done for users of this machine. */
function localActions(parts: LocalParts) {
  const { current, folder, store, log, now, submit, flushDomain, verificationReport } = parts
  const failureText = current.options((config) => ({ template: bounceTemplates(config)?.failure }))
  const maySendAs = current.options((config) => loginSenders(config, log))
  const pickup = createPickup({
    maildrop: folder.maildrop,
    taking: join(folder.path, 'pickup'),
    submit,
    verificationReport,
    returnedMail: (mail) => returnedMail(current.config, failureText().template, now(), mail),
    returnedBytes: () => returnedBytes(current.config),
    filtersReports: () => current.config.values.internal_mail_filter_classes.includes('bounce'),
    admits: (uid) => admittedUsers(current.config, 'authorized_submit_users', log)(uid),
    maySendAs: (uid, sender) => maySendAs()(uid, sender),
    messageSizeLimitBytes: () => current.config.values.message_size_limit,
    log,
  })
  return {
    pickup: async (): Promise<void> => await pickup.run(),
    submit: async (recipient: string, message: Buffer): Promise<void> => {
      const userid = process.getuid?.() ?? 0
      await submit({ sender: '', recipients: [{ address: recipient }], content: [message], userid })
    },
    close: async (): Promise<void> => await pickup.close(),
    listQueue: async (after: QueueId | undefined): Promise<readonly ListedEntry[]> => {
      const page = await store.queue.list(
        after === undefined ? { limit: firstListPage } : { limit: listPage, after },
      )
      return page.map(listedEntry)
    },
    flushQueue: async (what: FlushRequest): Promise<void> => {
      if (what.nextHop !== undefined) await flushDomain(what.nextHop)
      else await store.queue.flush({ nowMs: now(), ...what })
    },
  }
}

interface ServiceParts {
  readonly current: CurrentConfig
  readonly store: Store
  readonly accounts: Accounts
  readonly logins: Logins
  readonly log: Log
  readonly now: () => number
  readonly transfer: Awaited<ReturnType<typeof createTransfer>>
  readonly credentials: { readonly transfer: TlsCredentials; readonly reading: TlsCredentials }
  /** Present where several processes serve. */
  readonly tallies: Store['tallies'] | undefined
}

function createServices(parts: ServiceParts) {
  const { current, store, accounts, logins, log, now, transfer, credentials, tallies } = parts
  const reading = { store, accounts, logins, log, now }
  return {
    smtp: createSmtpServices({
      config: current.config,
      transfer,
      log,
      credentials: credentials.transfer,
      tallies,
    }),
    imap: createImapService({
      ...reading,
      tallies,
      options: current.options((c) =>
        imapOptions(c, credentials.reading, { log, now, isTrusted: transfer.isTrusted }),
      ),
    }),
    pop3: createPop3Service({
      ...reading,
      options: current.options((c) => pop3Options(c.values, credentials.reading, transfer.isTrusted)),
    }),
  }
}

async function processStatus(
  services: ReturnType<typeof createServices>,
  store: Store,
): Promise<ProcessStatus> {
  return {
    pid: process.pid,
    uptimeSeconds: Math.round(process.uptime()),
    memoryBytes: process.memoryUsage.rss(),
    connections: {
      smtp: services.smtp.connections,
      imap: services.imap.sessions,
      pop3: services.pop3.sessions,
    },
    queued: await store.queue.count(),
  }
}
