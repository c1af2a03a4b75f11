/** The transfer agent of one process: who decides about mail coming in, and the queue that sends it on. */
import type { Accounts } from '@posthorn/accounts'
import type { Resolver } from '@posthorn/dns'
import type { Log } from '@posthorn/mail'
import {
  type ClientStatistics,
  createAddressVerifier,
  createContentChecks,
  createDeliveryAgents,
  createGatewayGuard,
  createGreylist,
  createHeaderClients,
  createMilters,
  createNetworkList,
  createPolicy,
  createQueueRunner,
  createReceiver,
  createScreen,
  createTables,
  type DeliveryAgent,
  type DirectDelivery,
  filterReport,
  type LongFiles,
  type MtaSts,
  PolicyError,
  type ReceiveConfiguration,
  type SessionNotice,
  type Submission,
  submit,
  type TableContents,
  type TableContext,
  TableError,
  type Tables,
} from '@posthorn/mta'
import type { SmtpHandler } from '@posthorn/smtp'
import type { Store } from '@posthorn/storage'
import type { Config } from '../config/config.ts'
import type { ServiceEntry } from '../config/master-cf.ts'
import { whereSet } from '../config/where-set.ts'
import { containerGateways } from '../default-gateway.ts'
import { clientLimits } from '../services/client-limits.ts'
import { commandSurroundings } from '../services/command-surroundings.ts'
import { createLocalUsers } from '../services/local-user.ts'
import { miltersOptions } from '../services/milter-options.ts'
import { addressFamilies, queueOptions, workersOf } from '../services/queue-options.ts'
import { screenOptions } from '../services/screen-options.ts'
import { overrides, pickupConfig, pickupOptions, serviceConfig } from '../services/service-config.ts'
import { timeLimitOf } from '../services/time-limit.ts'
import type { TlsReports } from '../services/tls-reports.ts'
import {
  contentCheckOptions,
  greylistOptions,
  ownAddresses,
  policyOptions,
  receiveOptions,
  submissionPolicyOptions,
  trustedNetworks,
} from '../services/transfer-options.ts'
import { siteVerification, verificationReport } from '../services/verification-report.ts'
import { verifyOptions } from '../services/verify-options.ts'
import { StartError } from '../start-error.ts'
import { createOutgoing, createSts, createTlsReports } from './outgoing.ts'
import { queueClock } from './queue-clock.ts'
import { routingsOf } from './service-routings.ts'
import { sessionRules, smtpdResolver } from './session-rules.ts'

export interface TransferParts {
  readonly config: Config
  readonly store: Store
  readonly accounts: Accounts
  readonly resolver: Resolver
  readonly log: Log
  readonly now: () => number
  /** Told what clients do. */
  readonly statistics: ClientStatistics
  /** Names this process among those that share the queue. */
  readonly owner: string
  /** What this process has read of tables. */
  readonly contents: TableContents
}

/** What outlives a reload. */
interface RuleParts extends TransferParts {
  readonly sts: MtaSts
  readonly reports: TlsReports
  /** Mail to postmaster. */
  readonly notify: (notice: SessionNotice) => void
  /** Delivers by a transport; probes of addresses go by it. */
  readonly agent: (transport: string) => DeliveryAgent | undefined
}

/** Everything that is made anew when the configuration or a table's name changes. */
async function rulesOf(parts: RuleParts, config: Config, longFiles: () => LongFiles) {
  const { accounts, store, log, now, contents } = parts
  const { environment, folder } = config
  const files = { log, now, unsafeFiles: config.values.unsafe_files, folder, contents, longFiles }
  const context = { ...files, tables: createTables({ ...files, environment }) }
  const routings = await routingsOf(config, { ...context, accounts, store })
  try {
    return rulesWith(parts, config, context, routings)
  } catch (error) {
    routings.routing.close()
    throw error
  }
}

function rulesWith(
  parts: RuleParts,
  config: Config,
  context: TableContext & { readonly tables: Tables },
  { routing, resolveProbe, services }: Awaited<ReturnType<typeof routingsOf>>,
) {
  const { store, resolver, log, now } = parts
  const { tables } = context
  const greylist = createGreylist(store.greylist, greylistOptions(config), { ...context, dns: resolver })
  const verifier = createAddressVerifier(verifyOptions(config, routing.complete), {
    verify: routing.verify,
    classify: routing.classify,
    resolve: resolveProbe,
    agent: parts.agent,
    newId: (nowMs) => store.queue.newId(nowMs),
    log,
    now,
  })
  const common = { tables, dns: resolver, greylist, verifier, log, now }
  /** How mail comes in, by main.cf alone or with the options of a service of master.cf. */
  const receiveOf = (
    own: Config,
    service: 'by-port' | 'by-options',
    entry: Pick<ServiceEntry, 'options'>,
    program = 'smtpd',
  ): ReceiveConfiguration => {
    const { addresses, routing } = services.of(entry)
    const sources = { ...common, dns: smtpdResolver(own, tables, resolver), addresses }
    const isScreened = own.values.postscreen || program === 'postscreen'
    const policy = createPolicy(policyOptions(own), sources)
    const receive: ReceiveConfiguration = {
      options: receiveOptions(own),
      policy,
      submissionPolicy: service === 'by-port' ? createPolicy(submissionPolicyOptions(own), sources) : policy,
      routing: overrides(own, 'no_address_mappings') ? { ...routing, envelopeRules: undefined } : routing,
      mynetworks: createNetworkList(trustedNetworks(own), context),
      ...sessionRules(own, context, now),
      bareNewlineExclusions:
        own.values.smtpd_forbid_bare_newline === 'reject'
          ? createNetworkList(own.values.smtpd_forbid_bare_newline_exclusions, context)
          : undefined,
      authExceptions:
        own.values.smtpd_sasl_exceptions_networks.length > 0
          ? createNetworkList(own.values.smtpd_sasl_exceptions_networks, context)
          : undefined,
      gatewayGuard: createGatewayGuard({
        gateways: containerGateways(),
        mynetworks: own.isSet('mynetworks') ? own.values.mynetworks.join(' ') : '',
        log,
      }),
      screen: isScreened ? createScreen(screenOptions(own), { ...context, dns: resolver }) : undefined,
      ...contentRules(own, tables, log),
      headerClients: createHeaderClients(own.values.local_header_rewrite_clients, {
        ...context,
        localAddresses: () => ownAddresses().map(({ address }) => address),
      }),
    }
    return { ...receive, limits: clientLimits(own, { store, tables, log, now, receive }) }
  }
  return {
    config,
    verifier,
    outgoing: createOutgoing(config, { ...parts, tables, routing }),
    receive: receiveOf(config, 'by-port', { options: [] }),
    pickup: receiveOf(pickupConfig(config), 'by-port', { options: pickupOptions(config) }),
    receiveByService: new Map(
      config.services.smtp.flatMap(({ key, entry }) =>
        entry === undefined
          ? []
          : [[key, receiveOf(serviceConfig(config, entry), 'by-options', entry, entry.program)] as const],
      ),
    ),
    queue: queueOptions(config),
  }
}

/** What looks into messages. */
const contentRules = (
  own: Config,
  tables: Tables,
  log: Log,
): Pick<ReceiveConfiguration, 'contentChecks' | 'milters'> => ({
  contentChecks: overrides(own, 'no_header_body_checks')
    ? undefined
    : createContentChecks(contentCheckOptions(own), tables),
  milters: overrides(own, 'no_milters') ? undefined : createMilters(miltersOptions(own), { tables, log }),
})

/** A table or a restriction list that cannot be read is the administrator's to mend. */
async function rules(
  parts: RuleParts,
  config: Config,
  longFiles: () => LongFiles = () => 'read',
): ReturnType<typeof rulesOf> {
  try {
    return await rulesOf(parts, config, longFiles)
  } catch (error) {
    if (error instanceof TableError)
      throw new StartError(
        `${whereSet(config, error.table)}: ${error.message}`,
        'mend the table, or the line that names it',
        {
          cause: error,
        },
      )
    if (error instanceof PolicyError)
      throw new StartError(
        `${whereSet(config, error.parameter)}: ${error.message}`,
        'mend the list of restrictions',
        {
          cause: error,
        },
      )
    throw error
  }
}

const kept = ({ config, resolver, log, now }: TransferParts) => ({
  sts: createSts(config, resolver, log, now),
})

export async function createTransfer(given: TransferParts) {
  let byTransport: ReadonlyMap<string, DeliveryAgent> = new Map()
  const parts: RuleParts = {
    ...given,
    agent: (transport) => byTransport.get(transport),
    ...kept(given),
    reports: createTlsReports(given, {
      config: () => current.config,
      submit: async (submission) => await submitNow(submission),
    }),
    notify: (notice) => void submitNow(noticeMail(notice)),
  }
  let current = await rules(parts, parts.config)
  const { store, accounts, resolver, log, now, owner, statistics, notify } = parts
  /** Mail of this machine's users, by main.cf's rules. */
  const submitNow = async (submission: Submission) =>
    await submit(submission, { store, log, now, direct, configuration: () => current.pickup })
  // Asked when mail comes in: the queue is there by then.
  const direct: DirectDelivery = { offer: (recipients) => queue.offer(recipients) }
  const sources = { store, accounts, dns: resolver, now, statistics, direct, notify }
  const receiver = (configuration: () => ReceiveConfiguration, log: Log) =>
    createReceiver({ ...sources, configuration, log })
  const localUsers = createLocalUsers()
  const agents = createDeliveryAgents({
    resolver,
    resolve: async (request) => await current.receive.routing.resolve(request),
    hostname: () => current.config.values.myhostname,
    families: addressFamilies(parts.config.values),
    smtpClient: (server, nextHop, sender) => current.outgoing.smtp.client(server, nextHop, sender),
    lmtpClient: (server, nextHop, sender) => current.outgoing.lmtp.client(server, nextHop, sender),
    smtp: () => current.outgoing.smtp.settings,
    lmtp: () => current.outgoing.lmtp.settings,
    rewriting: () => current.outgoing.smtp.rewriting,
    lmtpRewriting: () => current.outgoing.lmtp.rewriting,
    remote: (service) => current.outgoing.byService.get(service),
    log,
    local: localSettings(localUsers, () => current.config),
    services: () => current.config.services.transports,
    workers: workersOf(parts),
    userNamed: localUsers,
    ...peerPorts(parts.config),
    now,
  })
  byTransport = agents.byTransport
  const queue = createQueueRunner({
    store,
    agents: agents.byTransport,
    resolve: async (request) => await current.receive.routing.resolve(request),
    log,
    owner,
    options: () => current.queue,
    filterReport: reportFilter(parts, () => current),
    ...queueClock(now),
  })
  return {
    handler: receiver(() => current.receive, log),
    /** For a service of master.cf; one that a reload takes away is served by main.cf's rules to its end. */
    handlerOf: (key: string, log: Log): SmtpHandler =>
      receiver(() => current.receiveByService.get(key) ?? current.receive, log),
    isTrusted: (address: string): boolean =>
      current.receive.mynetworks.has(address) && (current.receive.gatewayGuard?.trusts(address) ?? true),
    start: (): void => {
      queue.start()
      void parts.reports.sendDue()
    },
    submit: submitNow,
    verificationReport: async (addresses: readonly string[], sender: string): Promise<string> =>
      await verificationReport(siteVerification(current, now()), addresses, sender),
    reload: async (config: Config): Promise<void> => {
      const next = await parts.contents.prepare((longFiles) => rules(parts, config, longFiles))
      const before = current
      current = next
      before.receive.routing.close()
    },
    /** No new delivery; those under way may end. */
    stopQueue: async (graceMs: number): Promise<void> => {
      await queue.stop(graceMs)
      await parts.reports.close()
    },
    close: (): void => {
      agents.close()
      current.receive.routing.close()
    },
  }
}

const localSettings = (
  users: ReturnType<typeof createLocalUsers>,
  config: () => Config,
): NonNullable<Parameters<typeof createDeliveryAgents>[0]['local']> => ({
  user: () => users(config().values.default_privs),
  timeLimitMs: (transport) => timeLimitOf(config(), transport),
  delimiter: () => config().values.recipient_delimiter,
  surroundings: () => commandSurroundings(config()),
  originalTo: () => (config().values.enable_original_recipient ? 'added' : 'omitted'),
})

/** What it says of a fault, submit has logged. */
const noticeMail = ({ sender, recipient, message }: SessionNotice): Submission => ({
  sender,
  recipients: [{ address: recipient }],
  content: [message],
  userid: process.getuid?.() ?? 0,
})

/** Postfix: internal_mail_filter_classes. */
const reportFilter =
  (
    { store, log }: TransferParts,
    current: () => { readonly config: Config; readonly pickup: ReceiveConfiguration },
  ): NonNullable<Parameters<typeof createQueueRunner>[0]['filterReport']> =>
  async (text, envelope) =>
    current().config.values.internal_mail_filter_classes.includes('bounce')
      ? await filterReport(text, envelope, { store, log, configuration: () => current().pickup })
      : 'unchanged'

const peerPorts = ({ values }: Config) => ({
  smtpPort: portNumber(values.smtp_tcp_port, 25),
  lmtpPort: portNumber(values.lmtp_tcp_port, 24),
})

/** `smtp` or a number. Postfix: smtp_tcp_port. */
const portNumber = (text: string, standard: number): number => (/^\d+$/.test(text) ? Number(text) : standard)
