import { networkInterfaces } from 'node:os'
import type { AddressFamily, Resolver } from '@posthorn/dns'
import type { Log } from '@posthorn/mail'
import ipaddr from 'ipaddr.js'
import type { OutgoingRewriting } from '../rewriting/index.ts'
import type { DeliveryAgent, ResolveRecipient } from './attempt.ts'
import { type CommandOptions, commandAgent } from './command.ts'
import { fileAgent } from './file.ts'
import { fixedAgent } from './fixed.ts'
import type { LocalUser } from './local-user.ts'
import { mailboxAgent } from './mailbox.ts'
import { type PipeService, pipeAgent } from './pipe.ts'
import { type ClientFor, defaultRemoteSettings, type RemoteSettings } from './remote-settings.ts'
import { smtpAgent } from './smtp.ts'

type CommandOptionsOf = Omit<CommandOptions, 'now'>

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
  readonly smtpClient: ClientFor
  /** Postfix: lmtp_* parameters. */
  readonly lmtpClient: ClientFor
  /** How mail leaves, asked at each delivery. */
  readonly smtp?: () => RemoteSettings
  readonly lmtp?: () => RemoteSettings
  readonly log?: Log
  /** `|command` and `/file` of aliases; without it they wait. */
  readonly local?: Omit<CommandOptions, 'now'>
  /** Transports with names of their own; asked at each delivery. Postfix: master.cf. */
  readonly services?: () => readonly NamedTransport[]
  /** As whom pipe(8) runs its programs, by the name of `user=`. */
  readonly userNamed?: (name: string) => LocalUser
  /** Postfix: smtp_generic_maps. Asked at each message. */
  readonly rewriting?: () => OutgoingRewriting | undefined
  /** Postfix: lmtp_generic_maps. */
  readonly lmtpRewriting?: () => OutgoingRewriting | undefined
  /** Where a domain's mail servers listen; 25 but in tests. */
  readonly smtpPort?: number
  /** Where LMTP servers listen; 24. */
  readonly lmtpPort?: number
  readonly now?: () => number
  readonly random?: () => number
}

/** A line of master.cf that delivers: `slow unix … smtp`, `maildrop unix … pipe`. */
export interface NamedTransport extends PipeService {
  readonly program: string
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
      defaultPort: protocol === 'smtp' ? (options.smtpPort ?? 25) : (options.lmtpPort ?? 24),
      isOwnName: (name) => name === options.hostname().toLowerCase(),
      isOwnAddress,
      settings: (protocol === 'smtp' ? options.smtp : options.lmtp) ?? (() => defaultRemoteSettings),
      ...(options.log === undefined ? {} : { log: options.log }),
      client: protocol === 'smtp' ? options.smtpClient : options.lmtpClient,
      rewriting: () => (protocol === 'smtp' ? options.rewriting?.() : options.lmtpRewriting?.()),
      random: options.random ?? Math.random,
      now,
    })
  const smtp = remote('smtp')
  const lmtp = remote('lmtp')
  const mailbox = mailboxAgent(options.resolve, now)
  return {
    byTransport: new NamedAgents(options, [
      ['smtp', smtp.deliver],
      ['relay', smtp.deliver],
      ['lmtp', lmtp.deliver],
      ['local', mailbox],
      ['virtual', mailbox],
      ['error', fixedAgent('error', now)],
      ['retry', fixedAgent('retry', now)],
      ['discard', fixedAgent('discard', now)],
      ...localAgents(options, now),
    ]),
    close: () => {
      smtp.close()
      lmtp.close()
    },
  }
}

/** The agents of master.cf, then those that are always there. */
class NamedAgents extends Map<string, DeliveryAgent> {
  readonly #options: DeliveryOptions
  readonly #pipes = new WeakMap<NamedTransport, DeliveryAgent>()

  constructor(options: DeliveryOptions, built: readonly (readonly [string, DeliveryAgent])[]) {
    super(built)
    this.#options = options
  }

  override get(name: string): DeliveryAgent | undefined {
    const service = this.#options.services?.().find((one) => one.name === name)
    if (service === undefined) return super.get(name)
    return service.program === 'pipe' ? this.#pipe(service) : super.get(service.program)
  }

  #pipe(service: NamedTransport): DeliveryAgent | undefined {
    const { local, userNamed, now = Date.now } = this.#options
    if (local === undefined || userNamed === undefined) return undefined
    const { timeLimitMs, delimiter } = local
    const made =
      this.#pipes.get(service) ?? pipeAgent(service, { user: userNamed, timeLimitMs, delimiter, now })
    this.#pipes.set(service, made)
    return made
  }
}

const localAgents = (
  { local, userNamed }: DeliveryOptions,
  now: () => number,
): readonly (readonly [string, DeliveryAgent])[] =>
  local === undefined
    ? []
    : [
        ['pipe', commandAgent({ ...local, now })],
        ['mailbox_command', commandAgent({ ...local, user: mailboxUser(local, userNamed), now })],
        ['file', fileAgent({ user: () => local.user(''), now })],
      ]

/** mailbox_command runs as the user of the system that the mail is for; as default_privs where there is none, and for root. */
const mailboxUser =
  ({ user }: CommandOptionsOf, userNamed: DeliveryOptions['userNamed']): CommandOptionsOf['user'] =>
  (address) => {
    const local = address.slice(0, address.lastIndexOf('@')).toLowerCase()
    const own = /^[a-z_][a-z0-9._-]*$/.test(local) ? userNamed?.(local) : undefined
    return own === undefined || own.kind === 'none' ? user(address) : own
  }

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
