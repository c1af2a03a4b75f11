import { type LookupTable, lookupFirst, type Tables } from '../tables/index.ts'
import type { LocalName } from './reach.ts'
import type { RoutingOptions } from './routing-options.ts'
import { parseTransport, type Transport, withStatus } from './transport.ts'

/** Who else takes the mail of mydestination's users. Postfix: local(8). */
export interface LocalTransports {
  /** Whether any parameter sends mail for mailboxes elsewhere. */
  readonly any: boolean
  /** mailbox_transport_maps, mailbox_transport: whether the user has an account or not. undefined: the store. */
  mailbox(local: LocalName, domain: string): Transport | undefined
  /** mailbox_command_maps, mailbox_command: for users with an account. */
  command(local: LocalName): Transport | undefined
  /** fallback_transport_maps, fallback_transport: for who is nobody here. */
  fallback(local: LocalName, domain: string): Transport | undefined
}

/** Throws TableError. */
export function createLocalTransports(options: RoutingOptions, tables: Tables): LocalTransports {
  const mailboxes = tables.openAll(options.mailboxTransportMaps ?? [])
  const commands = tables.openAll(options.mailboxCommandMaps ?? [])
  const fallbacks = tables.openAll(options.fallbackTransportMaps ?? [])
  const { mailboxTransport = '', mailboxCommand = '', fallbackTransport = '' } = options

  const first = (maps: readonly LookupTable[], { user }: LocalName, general: string): string =>
    (maps.length === 0 ? undefined : lookupFirst(maps, user)) ?? general

  return {
    any: mailboxes.length + commands.length > 0 || mailboxTransport !== '' || mailboxCommand !== '',
    mailbox: (local, domain) => elsewhere(first(mailboxes, local, mailboxTransport), domain),
    command(local) {
      const nextHop = first(commands, local, mailboxCommand)
      return nextHop === '' ? undefined : { transport: 'mailbox_command', nextHop }
    },
    fallback: (local, domain) => elsewhere(first(fallbacks, local, fallbackTransport), domain),
  }
}

/** Postfix: deliver_pass(): without a next hop the recipient's domain is it. `local` and `virtual` are the store. */
function elsewhere(text: string, domain: string): Transport | undefined {
  if (text.trim() === '') return undefined
  const found = parseTransport(text, { transport: 'error', nextHop: domain })
  if (found.transport === 'local' || found.transport === 'virtual') return undefined
  return withStatus(found, found.transport === 'retry' ? '4.3.0' : '5.3.0')
}
