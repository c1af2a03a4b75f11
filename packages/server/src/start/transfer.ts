/** The transfer agent of one process: who decides about mail coming in, and the queue that sends it on. */
import type { Accounts } from '@posthorn/accounts'
import type { Resolver } from '@posthorn/dns'
import type { Log } from '@posthorn/mail'
import {
  createDeliveryAgents,
  createGatewayGuard,
  createGreylist,
  createNetworkList,
  createPolicy,
  createQueueRunner,
  createReceiver,
  createRouting,
  createTables,
} from '@posthorn/mta'
import type { SmtpHandler } from '@posthorn/smtp'
import type { Store } from '@posthorn/storage'
import type { Config } from '../config/config.ts'
import { containerGateway } from '../default-gateway.ts'
import { addressFamilies, queueOptions } from '../services/queue-options.ts'
import { receiverOptions } from '../services/receiver-options.ts'
import { smtpClientOptions } from '../services/smtp-client-options.ts'
import {
  greylistOptions,
  policyOptions,
  routingOptions,
  trustedNetworks,
} from '../services/transfer-options.ts'

export interface TransferParts {
  readonly config: Config
  readonly store: Store
  readonly accounts: Accounts
  readonly resolver: Resolver
  readonly log: Log
  readonly now: () => number
  /** Names this process among those that share the queue. */
  readonly owner: string
}

/** Everything that is made anew when the configuration or a table's name changes. */
async function rules(parts: TransferParts, config: Config) {
  const { store, accounts, resolver, log, now } = parts
  const tables = createTables({ log, now })
  const context = { log, now, tables }
  const networks = createNetworkList(trustedNetworks(config), context)
  const gateway = containerGateway()
  const guard = createGatewayGuard({
    gateways: gateway === undefined ? [] : [gateway],
    mynetworks: config.isSet('mynetworks') ? config.values.mynetworks.join(' ') : '',
    log,
  })
  const isTrusted = (address: string): boolean => networks.has(address) && guard.trusts(address)
  const routing = await createRouting(routingOptions(config), { tables, accounts, store, log, now })
  try {
    const greylist = createGreylist(store.greylist, greylistOptions(config), context)
    const policy = createPolicy(policyOptions(config), {
      tables,
      dns: resolver,
      addresses: routing,
      greylist,
      log,
      now,
    })
    const passwords = tables.openAll(config.values.smtp_sasl_password_maps)
    const receiver = createReceiver({
      store,
      routing,
      policy,
      dns: resolver,
      accounts,
      log,
      options: receiverOptions(config, isTrusted),
      now,
    })
    return { config, routing, receiver, isTrusted, passwords }
  } catch (error) {
    routing.close()
    throw error
  }
}

export async function createTransfer(parts: TransferParts) {
  let current = await rules(parts, parts.config)
  const handler: SmtpHandler = {
    connect: (...args) => current.receiver.connect(...args),
    helo: (...args) => current.receiver.helo(...args),
    authenticate: (...args) => current.receiver.authenticate(...args),
    mail: (...args) => current.receiver.mail(...args),
    vrfy: (...args) => current.receiver.vrfy(...args),
    expn: (...args) => current.receiver.expn(...args),
    etrn: (...args) => current.receiver.etrn(...args),
    disconnect: (...args) => current.receiver.disconnect(...args),
    note: (...args) => current.receiver.note(...args),
  }
  const { store, resolver, log, now, owner } = parts
  const agents = createDeliveryAgents({
    resolver,
    resolve: async (request) => await current.routing.resolve(request),
    hostname: () => current.config.values.myhostname,
    families: addressFamilies(parts.config.values),
    smtpClient: (server, nextHop) =>
      smtpClientOptions(current.config.values, current.passwords, server, nextHop),
    lmtpClient: (server, nextHop) => ({
      ...smtpClientOptions(current.config.values, [], server, nextHop),
      protocol: 'lmtp',
    }),
    smtpPort: parts.config.values.smtp_tcp_port,
    now,
  })
  const queue = createQueueRunner({
    store,
    agents: agents.byTransport,
    resolve: async (request) => await current.routing.resolve(request),
    log,
    owner,
    options: () => queueOptions(current.config.values),
    now,
  })
  return {
    handler,
    isTrusted: (address: string): boolean => current.isTrusted(address),
    start: (): void => queue.start(),
    reload: async (config: Config): Promise<void> => {
      const next = await rules(parts, config)
      const before = current
      current = next
      before.routing.close()
    },
    stop: async (graceMs: number): Promise<void> => {
      await queue.stop(graceMs)
      agents.close()
      current.routing.close()
    },
  }
}
