import { networkInterfaces } from 'node:os'
import type { AddressFamily, Resolver } from '@posthorn/dns'
import type { SmtpClientOptions, SmtpServerAddress } from '@posthorn/smtp'
import ipaddr from 'ipaddr.js'
import type { OutgoingRewriting } from '../rewriting/index.ts'
import type { DeliveryAgent, ResolveRecipient } from './attempt.ts'
import { type CommandOptions, commandAgent } from './command.ts'
import { fileAgent } from './file.ts'
import { fixedAgent } from './fixed.ts'
import { mailboxAgent } from './mailbox.ts'
import { smtpAgent } from './smtp.ts'

/** What the agents need to know; asked at each delivery where it is a function. */
export interface DeliveryOptions {
  readonly resolver: Resolver
  readonly resolve: ResolveRecipient
  /** Postfix: myhostname. */
  readonly hostname: () => string
  /** Postfix: inet_protocols, in the order of preference. */
  readonly families: readonly AddressFamily[]
  /** Postfix: proxy_interfaces, and inet_interfaces beyond this machine's. */
  readonly ownAddresses?: readonly string[]
  /** Postfix: smtp_* parameters for a server and next hop. */
  readonly smtpClient: (server: SmtpServerAddress, nextHop: string) => SmtpClientOptions
  /** Postfix: lmtp_* parameters. */
  readonly lmtpClient: (server: SmtpServerAddress, nextHop: string) => SmtpClientOptions
  /** `|command` and `/file` of aliases; without it they wait. */
  readonly local?: Omit<CommandOptions, 'now'>
  /** Postfix: smtp_generic_maps. Asked at each message. */
  readonly rewriting?: () => OutgoingRewriting | undefined
  /** Where a domain's mail servers listen; 25 but in tests. */
  readonly smtpPort?: number
  /** Postfix: smtp_mx_address_limit; default 5. */
  readonly addressLimit?: number
  /** Postfix: smtp_mx_session_limit; default 2. */
  readonly sessionLimit?: number
  /** Postfix: smtp_connection_cache_time_limit; default 2,000. */
  readonly keepConnectionMs?: number
  readonly now?: () => number
  readonly random?: () => number
}

export interface DeliveryAgents {
  /** By transport name. */
  readonly byTransport: ReadonlyMap<string, DeliveryAgent>
  /** Lets go of kept connections. */
  close(): void
}

/** Every agent under the transport names of Postfix's master.cf. */
export const createDeliveryAgents = (options: DeliveryOptions): DeliveryAgents => {
  const now = options.now ?? Date.now
  const isOwnAddress = ownAddressTest(options.ownAddresses ?? [])
  const remote = (protocol: 'smtp' | 'lmtp') =>
    smtpAgent({
      protocol,
      resolver: options.resolver,
      families: options.families,
      defaultPort: protocol === 'smtp' ? (options.smtpPort ?? 25) : 24,
      isOwnName: (name) => name === options.hostname().toLowerCase(),
      isOwnAddress,
      addressLimit: options.addressLimit ?? 5,
      sessionLimit: options.sessionLimit ?? 2,
      keepConnectionMs: options.keepConnectionMs ?? 2000,
      client: protocol === 'smtp' ? options.smtpClient : options.lmtpClient,
      ...(protocol === 'smtp' && options.rewriting !== undefined ? { rewriting: options.rewriting } : {}),
      random: options.random ?? Math.random,
      now,
    })
  const smtp = remote('smtp')
  const lmtp = remote('lmtp')
  const mailbox = mailboxAgent(options.resolve, now)
  return {
    byTransport: new Map<string, DeliveryAgent>([
      ['smtp', smtp.deliver],
      ['relay', smtp.deliver],
      ['lmtp', lmtp.deliver],
      ['local', mailbox],
      ['virtual', mailbox],
      ['error', fixedAgent('error', now)],
      ['retry', fixedAgent('retry', now)],
      ['discard', fixedAgent('discard', now)],
      ...localAgents(options.local, now),
    ]),
    close: () => {
      smtp.close()
      lmtp.close()
    },
  }
}

const localAgents = (
  local: DeliveryOptions['local'],
  now: () => number,
): readonly (readonly [string, DeliveryAgent])[] =>
  local === undefined
    ? []
    : [
        ['pipe', commandAgent({ ...local, now })],
        ['file', fileAgent({ user: local.user, now })],
      ]

/** Loopback, the unspecified address, this machine's interfaces, and those given. */
const ownAddressTest = (more: readonly string[]): ((address: string) => boolean) => {
  const own = new Set(more.map(canonical))
  return (address) => {
    const text = canonical(address)
    if (own.has(text)) return true
    const range = ipaddr.isValid(text) ? ipaddr.process(text).range() : 'unicast'
    if (range === 'loopback' || range === 'unspecified') return true
    return Object.values(networkInterfaces()).some((list) =>
      list?.some((each) => canonical(each.address) === text),
    )
  }
}

const canonical = (address: string): string =>
  ipaddr.isValid(address) ? ipaddr.process(address).toString() : address
