import { networkInterfaces } from 'node:os'
import type { AddressFamily, Resolver } from '@posthorn/dns'
import type { Log } from '@posthorn/mail'
import ipaddr from 'ipaddr.js'
import type { OutgoingRewriting } from '../rewriting/index.ts'
import { ownedTransports, parseOwned } from '../routing/owned-target.ts'
import type { DeliveryAgent, ResolveRecipient } from './attempt.ts'
import { type CommandOptions, commandAgent } from './command.ts'
import { fileAgent } from './file.ts'
import { fixedAgent } from './fixed.ts'
import type { LocalUser } from './local-user.ts'
import { mailboxAgent } from './mailbox.ts'
import { type PipeService, pipeAgent } from './pipe.ts'
import {
  type ClientFor,
  defaultRemoteSettings,
  type RemoteSettings,
  type RemoteTransport,
} from './remote-settings.ts'
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
  /** By the service's name; undefined: it has no options of its own. Asked at each delivery. */
  readonly remote?: (service: string) => RemoteTransport | undefined
  /** As whom pipe(8) runs its programs, by the value of `user=`. */
  readonly userNamed?: (name: string) => LocalUser
  /** As whom what a user's file names is served, by the owner of the file. */
  readonly ownerOf?: (uid: number) => LocalUser
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
  /** Absent: this process is alone. */
  readonly workers?: { readonly count: number; readonly places: Places } | undefined
}

/** Places that all workers share, by name. */
export interface Places {
  take(name: string, places: number): Promise<unknown>
  give(name: string): void
}

/** A line of master.cf that delivers: `slow unix … smtp`, `maildrop unix … pipe`. */
export interface NamedTransport extends PipeService {
  readonly program: string
  /** Deliveries at a time, of all workers together; undefined: as many as the queue gives. */
  readonly processLimit?: number | undefined
}

export interface DeliveryAgents {
  /** By transport name. */
  readonly byTransport: ReadonlyMap<string, DeliveryAgent>
  /** Lets go of kept connections. */
  close(): void
}

type Remote = ReturnType<typeof smtpAgent>

/** Every agent under the transport names of Postfix's master.cf. */
export const createDeliveryAgents = (options: DeliveryOptions): DeliveryAgents => {
  const now = options.now ?? Date.now
  const isOwnAddress = ownAddressTest(options.ownAddresses ?? [])
  const remote = (protocol: 'smtp' | 'lmtp', transport: () => RemoteTransport): Remote =>
    smtpAgent({
      protocol,
      resolver: options.resolver,
      families: options.families,
      defaultPort: protocol === 'smtp' ? (options.smtpPort ?? 25) : (options.lmtpPort ?? 24),
      isOwnName: (name) => name === options.hostname().toLowerCase(),
      isOwnAddress,
      settings: () => transport().settings,
      ...(options.log === undefined ? {} : { log: options.log }),
      client: (...how) => transport().client(...how),
      rewriting: () => transport().rewriting,
      random: options.random ?? Math.random,
      now,
    })
  const general = {
    smtp: () => ({
      client: options.smtpClient,
      settings: options.smtp?.() ?? defaultRemoteSettings,
      rewriting: options.rewriting?.(),
    }),
    lmtp: () => ({
      client: options.lmtpClient,
      settings: options.lmtp?.() ?? defaultRemoteSettings,
      rewriting: options.lmtpRewriting?.(),
    }),
  }
  const smtp = remote('smtp', general.smtp)
  const lmtp = remote('lmtp', general.lmtp)
  const mailbox = mailboxAgent(options.resolve, now)
  const named = new NamedAgents(
    options,
    (protocol, service) => remote(protocol, () => options.remote?.(service) ?? general[protocol]()),
    [
      ['smtp', smtp.deliver],
      ['relay', smtp.deliver],
      ['lmtp', lmtp.deliver],
      ['local', mailbox],
      ['virtual', mailbox],
      ['error', fixedAgent('error', now)],
      ['retry', fixedAgent('retry', now)],
      ['discard', fixedAgent('discard', now)],
      ...localAgents(options, now),
    ],
  )
  return {
    byTransport: named,
    close: () => {
      smtp.close()
      lmtp.close()
      named.close()
    },
  }
}

/** The agents of master.cf, then those that are always there. */
class NamedAgents extends Map<string, DeliveryAgent> {
  readonly #options: DeliveryOptions
  readonly #makeRemote: (protocol: 'smtp' | 'lmtp', service: string) => Remote
  readonly #made = new WeakMap<NamedTransport, DeliveryAgent>()
  /** They outlive a reload, and so do their connections. */
  readonly #remotes = new Map<string, Remote>()

  constructor(
    options: DeliveryOptions,
    makeRemote: (protocol: 'smtp' | 'lmtp', service: string) => Remote,
    built: readonly (readonly [string, DeliveryAgent])[],
  ) {
    super(built)
    this.#options = options
    this.#makeRemote = makeRemote
  }

  override get(name: string): DeliveryAgent | undefined {
    const service = this.#options.services?.().find((one) => one.name === name)
    if (service === undefined) return super.get(name)
    const made = this.#made.get(service) ?? this.#make(service)
    if (made !== undefined) this.#made.set(service, made)
    return made
  }

  close(): void {
    for (const remote of this.#remotes.values()) remote.close()
  }

  #make(service: NamedTransport): DeliveryAgent | undefined {
    const { name, program, processLimit } = service
    let agent = super.get(program)
    if (program === 'pipe') agent = this.#pipe(service)
    else if ((program === 'smtp' || program === 'lmtp') && this.#options.remote?.(name) !== undefined)
      agent = this.#remote(program, name).deliver
    if (agent === undefined || processLimit === undefined) return agent
    const { workers } = this.#options
    if (workers === undefined) return limited(agent, processLimit)
    const { count, places } = workers
    if (processLimit >= count) return limited(agent, Math.floor(processLimit / count))
    return limited(withPlace(agent, `transport ${name}`, processLimit, places), processLimit)
  }

  #remote(program: 'smtp' | 'lmtp', name: string): Remote {
    const key = `${program} ${name}`
    const remote = this.#remotes.get(key) ?? this.#makeRemote(program, name)
    this.#remotes.set(key, remote)
    return remote
  }

  #pipe(service: NamedTransport): DeliveryAgent | undefined {
    const { local, userNamed, now = Date.now } = this.#options
    if (local === undefined || userNamed === undefined) return undefined
    const { timeLimitMs, delimiter, surroundings, originalTo } = local
    const environment = () => surroundings?.().environment ?? {}
    const ownLimitMs = (): number => timeLimitMs(service.name)
    return pipeAgent(service, {
      user: userNamed,
      timeLimitMs: ownLimitMs,
      delimiter,
      environment,
      originalTo,
      now,
    })
  }
}

/** Postfix: the maxproc column of master.cf. The others wait for their turn. */
function limited(agent: DeliveryAgent, processLimit: number): DeliveryAgent {
  let running = 0
  const waiting: (() => void)[] = []
  return async (job) => {
    if (running >= processLimit) await new Promise<void>((resolve) => waiting.push(resolve))
    else running++
    try {
      return await agent(job)
    } finally {
      const next = waiting.shift()
      if (next === undefined) running--
      else next()
    }
  }
}

/** Fewer than there are workers: they have the places in turn. */
const withPlace =
  (agent: DeliveryAgent, name: string, count: number, places: Places): DeliveryAgent =>
  async (job) => {
    await places.take(name, count)
    try {
      return await agent(job)
    } finally {
      places.give(name)
    }
  }

const localAgents = (
  { local, userNamed, ownerOf }: DeliveryOptions,
  now: () => number,
): readonly (readonly [string, DeliveryAgent])[] =>
  local === undefined
    ? []
    : [
        ['pipe', commandAgent({ ...local, now })],
        ['mailbox_command', commandAgent({ ...local, user: mailboxUser(local, userNamed), now })],
        ['file', fileAgent({ user: () => local.user(''), originalTo: local.originalTo, now })],
        [ownedTransports.command, asOwner(ownerOf, (user) => commandAgent({ ...local, user, now }))],
        [
          ownedTransports.file,
          asOwner(ownerOf, (user) => fileAgent({ user, originalTo: local.originalTo, now })),
        ],
      ]

/** What a user's own file names is served as its owner. Postfix: local(8), DELIVERY RIGHTS. */
const asOwner =
  (ownerOf: DeliveryOptions['ownerOf'], agent: (user: () => LocalUser) => DeliveryAgent): DeliveryAgent =>
  (job) => {
    const owned = parseOwned(job.nextHop)
    const user = (owned && ownerOf?.(owned.uid)) ?? nobodyKnown
    return agent(() => user)({ ...job, nextHop: owned?.target ?? job.nextHop })
  }

const nobodyKnown: LocalUser = { kind: 'none', reason: 'nobody knows whose file names it' }

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
