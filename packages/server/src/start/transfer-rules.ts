/** What the transfer agent goes by, read from a configuration: who may send, where mail goes, what happens on its way. */
import type { Accounts, Logins } from '@posthorn/accounts'
import type { Resolver } from '@posthorn/dns'
import type { Log } from '@posthorn/mail'
import {
  type ClientStatistics,
  createAddressVerifier,
  createContentChecks,
  createGatewayGuard,
  createGreylist,
  createHeaderClients,
  createMilters,
  createNetworkList,
  createPolicy,
  createScreen,
  createTables,
  type DeliveryAgent,
  type LongFiles,
  type MtaSts,
  PolicyError,
  type ReceiveConfiguration,
  type SessionNotice,
  type TableContents,
  type TableContext,
  TableError,
  type Tables,
} from '@posthorn/mta'
import type { Store } from '@posthorn/storage'
import type { Config } from '../config/config.ts'
import { masterCfFile } from '../config/load-config.ts'
import type { ServiceEntry } from '../config/master-cf.ts'
import { whereSet } from '../config/where-set.ts'
import { containerGateways } from '../default-gateway.ts'
import { clientLimits } from '../services/client-limits.ts'
import { miltersOptions } from '../services/milter-options.ts'
import { queueOptions } from '../services/queue-options.ts'
import { screenOptions } from '../services/screen-options.ts'
import { overrides, pickupConfig, pickupOptions, serviceConfig } from '../services/service-config.ts'
import { statusFilters } from '../services/status-filters.ts'
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
import { verifyOptions } from '../services/verify-options.ts'
import { StartError } from '../start-error.ts'
import { createOutgoing } from './outgoing.ts'
import { routingsOf } from './service-routings.ts'
import { sessionRules, smtpdResolver } from './session-rules.ts'

export interface TransferParts {
  readonly config: Config
  readonly store: Store
  readonly accounts: Accounts
  readonly logins: Logins
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
export interface RuleParts extends TransferParts {
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
  const said = statusFilters(config, tables, routing.classify)
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
      statusFilterFor: said.ofMailbox,
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
    outgoing: createOutgoing(config, { ...parts, ...context, routing }),
    receive: receiveOf(config, 'by-port', { options: [] }),
    pickup: receiveOf(pickupConfig(config), 'by-port', { options: pickupOptions(config) }),
    receiveByService: new Map(
      config.services.smtp.flatMap(({ key, entry }) =>
        entry === undefined
          ? []
          : [
              [
                key,
                inService(config, key, entry, () =>
                  receiveOf(serviceConfig(config, entry), 'by-options', entry, entry.program),
                ),
              ] as const,
            ],
      ),
    ),
    queue: { ...queueOptions(config), statusFilterOf: said.ofTransport },
  }
}

export type TransferRules = Awaited<ReturnType<typeof rulesOf>>

/** What is wrong with an option of a service stands in its line of master.cf. */
function inService<T>(config: Config, key: string, entry: ServiceEntry, make: () => T): T {
  try {
    return make()
  } catch (error) {
    if (!(error instanceof PolicyError || error instanceof TableError)) throw error
    const named = error instanceof PolicyError ? error.parameter : error.table
    if (!entry.options.some(({ name, value }) => name === named || value.includes(named))) throw error
    throw new StartError(
      `${masterCfFile(config)}:${entry.line}: ${key}: ${error.message}`,
      'mend the option of the service',
      { cause: error },
    )
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

/**
 * The rules of a configuration.
 * @throws StartError for a table or a restriction list that cannot be read: it is the administrator's to mend
 */
export async function readRules(
  parts: RuleParts,
  config: Config,
  longFiles: () => LongFiles = () => 'read',
): Promise<TransferRules> {
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
