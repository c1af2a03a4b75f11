import { once } from 'node:events'
import type { AddressInfo, ListenOptions, Socket } from 'node:net'
import type { Log } from '@posthorn/mail'
import {
  ClientCounts,
  Roll,
  sharedWheel,
  type TimerWheel,
  type TlsCredentials,
  type WheelEntry,
} from '@posthorn/net'
import type { Connection, ConnectionHost } from './connection.ts'
import type { SmtpHandler, SmtpReply, SmtpSession } from './handler.ts'
import { Listener } from './listener.ts'
import { defaultSmtpOptions, type SmtpOptions, type SmtpServiceName, serviceOptions } from './options.ts'
import { reply } from './wire/reply.ts'

export interface SmtpServiceInput {
  readonly handler: SmtpHandler
  readonly options: Partial<SmtpOptions> & Pick<SmtpOptions, 'hostname'>
  readonly log: Log
  /** Shown at STARTTLS and on port 465; replaced inside for new certificates. */
  readonly tls?: TlsCredentials
  /** Deadlines; tests give their own. */
  readonly wheel?: TimerWheel
  /** Connections by client, those of other processes too. Default: of this process alone. */
  readonly clients?: ClientCounts
}

export interface SmtpListen
  extends Pick<ListenOptions, 'host' | 'port' | 'path' | 'backlog' | 'ipv6Only' | 'reusePort'> {
  readonly service: SmtpServiceName
  /** An inherited socket. */
  readonly fd?: number
  /** For this listener alone (`-o` of master.cf). */
  readonly options?: Partial<SmtpOptions>
}

export interface SmtpListening {
  readonly service: SmtpServiceName
  readonly address: string
  readonly port: number
  /** Stops accepting here; sessions go on. */
  close(): Promise<void>
}

export interface SmtpService {
  /** @throws Error as net.Server gives it (EADDRINUSE …), or when port 465 has no certificate. */
  listen(listen: SmtpListen): Promise<SmtpListening>
  /** Takes over a connection accepted elsewhere. */
  accept(socket: Socket, service: SmtpServiceName, options?: Partial<SmtpOptions>): void
  /** For commands to come, in sessions that go on too. */
  setOptions(options: SmtpServiceInput['options']): void
  readonly connections: number
  /**
   * 'graceful': no more connections; idle clients are told 421, others when their transaction is over, all
   * are cut off after `graceMs` (default 10,000). 'now': cut off.
   */
  close(mode: 'graceful' | 'now', graceMs?: number): Promise<void>
}

/** The receiving side: SMTP, submission and LMTP on any number of sockets. */
export const createSmtpService = (input: SmtpServiceInput): SmtpService => new Service(input)

/** Postfix's master(8) sets stress=yes when all processes are busy; some room is left here. */
const stressShare = 0.9
const calmShare = 0.7

class Service implements SmtpService {
  readonly #input: SmtpServiceInput
  readonly #wheel: TimerWheel
  #options: SmtpServiceInput['options']
  /** Counts up with each change, so that hosts merge their options once. */
  #generation = 0
  readonly #listeners = new Set<Listener>()
  readonly #acceptors = new Map<string, Listener>()
  /** In order of arrival. */
  readonly #connections = new Roll<Connection>()
  readonly #clients: ClientCounts
  #closing = false
  /** Nearly all connections are taken. */
  #stressed = false
  #emptied: (() => void) | undefined

  constructor(input: SmtpServiceInput) {
    this.#input = input
    this.#options = input.options
    this.#wheel = input.wheel ?? sharedWheel()
    this.#clients = input.clients ?? new ClientCounts('')
  }

  get connections(): number {
    return this.#connections.size
  }

  setOptions(options: SmtpServiceInput['options']): void {
    this.#options = options
    this.#generation++
  }

  async listen({ service, options, ...where }: SmtpListen): Promise<SmtpListening> {
    const listener = this.#listener(service, options)
    const { server } = listener
    this.#listeners.add(listener)
    try {
      const listening = once(server, 'listening')
      // To Node a port that is there and undefined is any port.
      server.listen(Object.fromEntries(Object.entries(where).filter(([, value]) => value !== undefined)))
      await listening
    } catch (error) {
      this.#listeners.delete(listener)
      throw error
    }
    const bound = server.address() as AddressInfo | string | null
    const address = typeof bound === 'string' ? bound : (bound?.address ?? '')
    return {
      service,
      address,
      port: typeof bound === 'object' ? (bound?.port ?? 0) : 0,
      close: () => this.#stop(listener),
    }
  }

  accept(socket: Socket, service: SmtpServiceName, options?: Partial<SmtpOptions>): void {
    const key = options === undefined ? service : `${service} ${JSON.stringify(options)}`
    let listener = this.#acceptors.get(key)
    if (listener === undefined) {
      listener = this.#listener(service, options)
      this.#acceptors.set(key, listener)
    }
    listener.server.emit('connection', socket)
  }

  #listener(service: SmtpServiceName, overrides: Partial<SmtpOptions> | undefined): Listener {
    const credentials = this.#input.tls
    if (service === 'submissions' && credentials === undefined) {
      throw new Error('Cannot listen for submissions: no TLS certificate')
    }
    const listener = new Listener(service, this.#host(service, overrides), credentials)
    listener.on('error', (error) => this.#log('warning', `socket error: ${error.message}`))
    return listener
  }

  #host(service: SmtpServiceName, overrides: Partial<SmtpOptions> | undefined): ConnectionHost {
    const { handler, tls } = this.#input
    const merge = (): SmtpOptions => {
      const usual = { ...defaultSmtpOptions, ...serviceOptions[service], ...this.#options, ...overrides }
      return this.#stressed ? { ...usual, ...usual.stressed } : usual
    }
    let generation = this.#generation
    let merged = merge()
    const current = (): SmtpOptions => {
      if (generation !== this.#generation) {
        generation = this.#generation
        merged = merge()
      }
      return merged
    }
    const closing = (): boolean => this.#closing
    return {
      handler,
      tlsAvailable: tls !== undefined,
      get options() {
        return current()
      },
      get closing() {
        return closing()
      },
      now: () => this.#wheel.nowMs,
      schedule: (alarm: WheelEntry) => this.#wheel.schedule(alarm),
      cancel: (alarm: WheelEntry) => this.#wheel.cancel(alarm),
      fault: (session, error) => this.#fault(session, error),
      admit: (connection) => this.#admit(connection, current()),
      crowded: (connection) => this.#crowded(connection, current()),
      gone: (connection) => this.#gone(connection),
    }
  }

  #admit(connection: Connection, options: SmtpOptions): SmtpReply | undefined {
    const full = this.#connections.size >= options.connections
    connection.place = this.#connections.add(connection)
    this.#clients.enter(connection.clientAddress)
    connection.peer.connections = this.#clients.of(connection.clientAddress)
    if (!this.#stressed && this.#connections.size >= options.connections * stressShare) {
      this.#setStress('yes', `${this.#connections.size} of ${options.connections} connections are taken`)
    }
    if (this.#closing) return reply(421, '4.3.2', `${options.hostname} Service shutting down`)
    if (!full || this.#makeRoom()) return undefined
    this.#log('warning', `connection limit reached: ${options.connections}`)
    return reply(421, '4.3.2', `${options.hostname} Error: all server ports are busy`)
  }

  /** The oldest client of whom nothing is known and nothing is on its way gives up its place. */
  #makeRoom(): boolean {
    const idler = this.#connections.find(
      ({ conversation, peer }) => !peer.trusted && peer.user === undefined && conversation.idle,
    )
    if (idler === undefined) return false
    const { conversation } = idler
    conversation.close(
      reply(421, '4.3.2', `${conversation.options.hostname} Error: all server ports are busy`),
    )
    return true
  }

  /** Postfix: smtpd_client_connection_count_limit. */
  #crowded(
    { peer }: Connection,
    options: SmtpOptions,
  ): SmtpReply | undefined | Promise<SmtpReply | undefined> {
    const isExempt = peer.trusted || peer.xclient === 'offered'
    if (isExempt || options.connectionsPerClient === Number.MAX_SAFE_INTEGER) return undefined
    const count = this.#clients.all(peer.clientAddress)
    return typeof count === 'number'
      ? this.#overLimit(peer, count, options)
      : count.then((all) => this.#overLimit(peer, all, options))
  }

  #overLimit(peer: SmtpSession, count: number, options: SmtpOptions): SmtpReply | undefined {
    if (count <= options.connectionsPerClient) return undefined
    const client = `${peer.clientName}[${peer.clientAddress}]`
    this.#log(
      'warning',
      `Connection concurrency limit exceeded: ${count} from ${client} for service ${peer.service}`,
    )
    return reply(421, '4.7.0', `${options.hostname} Error: too many connections from ${peer.clientAddress}`)
  }

  #gone(connection: Connection): void {
    const { place } = connection
    if (place === undefined || !this.#connections.remove(place)) return
    connection.place = undefined
    const { connections } = connection.conversation.options
    if (this.#stressed && this.#connections.size < connections * calmShare)
      this.#setStress('no', 'connections are free again')
    this.#clients.leave(connection.clientAddress)
    if (this.#connections.size === 0) this.#emptied?.()
  }

  /** Sessions under way have the new limits from their next command on. */
  #setStress(stress: 'yes' | 'no', why: string): void {
    this.#stressed = stress === 'yes'
    this.#generation++
    this.#log('warning', `stress=${stress === 'yes' ? 'yes' : ''}: ${why}`)
  }

  #fault(session: SmtpSession, error: unknown): void {
    const client = `${session.clientName}[${session.clientAddress}]`
    this.#input.log({
      level: 'error',
      service: 'smtpd',
      text: `fault in session ${session.id} with ${client}`,
      error,
    })
  }

  #log(level: 'warning', text: string): void {
    this.#input.log({ level, service: 'smtpd', text })
  }

  async #stop(listener: Listener): Promise<void> {
    if (!this.#listeners.delete(listener) || !listener.server.listening) return
    // net.Server's callback waits for the last connection; the address is free at once.
    listener.server.close()
    for (const socket of listener._pendingSockets.values()) socket.destroy()
  }

  async close(mode: 'graceful' | 'now', graceMs = 10_000): Promise<void> {
    this.#closing = true
    for (const listener of [...this.#listeners]) await this.#stop(listener)
    const dismissIdle = (): void => {
      for (const { conversation } of this.#connections.all()) conversation.shutDown()
    }
    dismissIdle()
    if (this.#connections.size > 0 && mode === 'graceful') {
      // Clients whose transaction has ended since: a client that keeps its connection would use up the grace.
      const timer = setInterval(dismissIdle, 50)
      await this.#untilEmpty(graceMs)
      clearInterval(timer)
    }
    for (const connection of this.#connections.all()) {
      connection.conversation.close(
        reply(421, '4.3.2', `${connection.conversation.options.hostname} Service shutting down`),
      )
      connection.destroy()
    }
    if (this.#connections.size > 0) await this.#untilEmpty(1000)
  }

  #untilEmpty(limitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, limitMs)
      this.#emptied = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}
