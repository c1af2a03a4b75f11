import { ClientCounts } from './client-counts.ts'
import type { Connection } from './connection.ts'

export interface AdmissionLimits {
  /** All connections together. When it is reached the oldest one that has not logged in makes room. */
  readonly connections: number
  /** From one address (Postfix: smtpd_client_connection_count_limit = 50). */
  readonly connectionsPerAddress: number
  /** Unfinished TLS handshakes. When it is reached the oldest makes room. */
  readonly handshakes: number
  /** Addresses that the limit per address does not bind: our own proxies, a gateway in front of all clients. */
  readonly exempt?: (address: string) => boolean
}

export type Refusal = 'too-many-connections' | 'too-many-connections-from-address'

/** Counts the connections of a service, or of several that share it, and decides who may stay. */
export class Admission {
  #limits: AdmissionLimits
  #total = 0
  readonly #clients: ClientCounts
  /** In order of arrival. */
  readonly #anonymous = new Set<Connection>()
  readonly #handshaking = new Set<Connection>()

  /** `clients`: counts those of the other processes too. */
  constructor(limits: AdmissionLimits, clients = new ClientCounts('')) {
    this.#limits = limits
    this.#clients = clients
  }

  /** New limits bind new connections; nobody is sent away. */
  setLimits(limits: AdmissionLimits): void {
    this.#limits = limits
  }

  get connections(): number {
    return this.#total
  }

  get handshakes(): number {
    return this.#handshaking.size
  }

  /** In this process. All of an IPv6 /64 count as one address. */
  connectionsFrom(address: string): number {
    return this.#clients.of(address)
  }

  /** Counts a connection in, or says why not. Whoever is admitted must be released. */
  admit(connection: Connection): Refusal | undefined | Promise<Refusal | undefined> {
    const { connections, connectionsPerAddress, exempt } = this.#limits
    const address = connection.remoteAddress
    const limited = connectionsPerAddress < Number.MAX_SAFE_INTEGER && exempt?.(address) !== true
    if (limited && this.#clients.of(address) >= connectionsPerAddress)
      return 'too-many-connections-from-address'
    if (this.#total >= connections) {
      const oldest = this.#anonymous.values().next().value
      if (oldest === undefined) return 'too-many-connections'
      this.release(oldest)
      oldest.destroy('crowded-out')
    }
    this.#total++
    this.#clients.enter(address)
    this.#anonymous.add(connection)
    connection.admittedAs = address
    const all = limited ? this.#clients.all(address) : 0
    return typeof all === 'number' ? undefined : this.#amongAll(connection, all)
  }

  async #amongAll(connection: Connection, all: Promise<number>): Promise<Refusal | undefined> {
    if ((await all) <= this.#limits.connectionsPerAddress) return undefined
    this.release(connection)
    return 'too-many-connections-from-address'
  }

  /** A connection whose user is known is not sent away for a newcomer. */
  authenticated(connection: Connection): void {
    this.#anonymous.delete(connection)
  }

  handshakeBegins(connection: Connection): void {
    if (this.#handshaking.size >= this.#limits.handshakes) {
      const oldest = this.#handshaking.values().next().value
      if (oldest !== undefined) {
        this.#handshaking.delete(oldest)
        oldest.destroy('crowded-out')
      }
    }
    this.#handshaking.add(connection)
  }

  handshakeEnds(connection: Connection): void {
    this.#handshaking.delete(connection)
  }

  release(connection: Connection): void {
    const address = connection.admittedAs
    if (address === undefined) return
    connection.admittedAs = undefined
    this.#total--
    this.#anonymous.delete(connection)
    this.#handshaking.delete(connection)
    this.#clients.leave(address)
  }
}
