/** The ways out of one process, by the rules that are in force when each delivery begins. */
import { createDeliveryAgents } from '@posthorn/mta'
import type { Config } from '../config/config.ts'
import { commandSurroundings } from '../services/command-surroundings.ts'
import { createFileOwners, createLocalUsers } from '../services/local-user.ts'
import { addressFamilies, workersOf } from '../services/queue-options.ts'
import { timeLimitOf } from '../services/time-limit.ts'
import type { TransferParts, TransferRules } from './transfer-rules.ts'

export function deliveryAgents(
  parts: TransferParts,
  current: () => TransferRules,
): ReturnType<typeof createDeliveryAgents> {
  const { resolver, log, now } = parts
  const localUsers = createLocalUsers()
  return createDeliveryAgents({
    resolver,
    resolve: async (request) => await current().receive.routing.resolve(request),
    hostname: () => current().config.values.myhostname,
    families: addressFamilies(parts.config.values),
    smtpClient: (server, nextHop, sender) => current().outgoing.smtp.client(server, nextHop, sender),
    lmtpClient: (server, nextHop, sender) => current().outgoing.lmtp.client(server, nextHop, sender),
    smtp: () => current().outgoing.smtp.settings,
    lmtp: () => current().outgoing.lmtp.settings,
    rewriting: () => current().outgoing.smtp.rewriting,
    lmtpRewriting: () => current().outgoing.lmtp.rewriting,
    remote: (service) => current().outgoing.byService.get(service),
    log,
    local: localSettings(localUsers, () => current().config),
    services: () => current().config.services.transports,
    workers: workersOf(parts),
    userNamed: localUsers,
    ownerOf: createFileOwners(() => localUsers(current().config.values.default_privs)),
    ...peerPorts(parts.config),
    now,
  })
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

const peerPorts = ({ values }: Config) => ({
  smtpPort: portNumber(values.smtp_tcp_port, 25),
  lmtpPort: portNumber(values.lmtp_tcp_port, 24),
})

/** `smtp` or a number. Postfix: smtp_tcp_port. */
const portNumber = (text: string, standard: number): number => (/^\d+$/.test(text) ? Number(text) : standard)
