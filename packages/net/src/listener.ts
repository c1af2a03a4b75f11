import * as net from 'node:net'
import { formatEndpoint, normalizeAddress } from './address.ts'
import type { Admission, Refusal } from './admission.ts'
import { Connection } from './connection.ts'
import type { CloseReason, ConnectionHandler, ConnectionSetup } from './connection-handler.ts'
import { readProxyHeader } from './proxy-protocol.ts'
import { sharedWheel, type TimerWheel } from './timer-wheel.ts'
import type { TlsCredentials } from './tls-credentials.ts'
import type { Transcript } from './transcript.ts'

export interface ListenOptions {
  /** Address to listen on; '::' with dual stack, '0.0.0.0', '127.0.0.1' … */
  readonly host: string
  /** 0 = any free one. */
  readonly port: number
  readonly backlog?: number
  /** TLS from the first octet. For STARTTLS give the credentials to `Connection.startTls`. */
  readonly implicitTls?: TlsCredentials
  /** ALPN names answered (RFC 7301); a client that offers only others is refused: it speaks something else (ALPACA). */
  readonly alpnProtocols?: readonly ('smtp' | 'imap' | 'pop3' | 'lmtp')[]
  readonly handshakeTimeoutMs?: number
  /** A peer that takes nothing of our output for this long is cut off. Default 5 minutes. */
  readonly stallTimeoutMs?: number
  /** Limits, possibly shared with other listeners. */
  readonly admission?: Admission
  /** Upstreams (normalised address) that send a PROXY protocol header before anything else. */
  readonly proxyFrom?: (address: string) => boolean
  /** Default: handshakeTimeoutMs. Dovecot: haproxy_timeout. */
  readonly proxyTimeoutMs?: number
  readonly wheel?: TimerWheel
  readonly transcript?: (connection: Connection) => Transcript | undefined
  /** A new connection, with TLS done when it is implicit. Attach a handler before returning. */
  readonly onConnection: (connection: Connection) => void
  /** Said in the clear to a connection that is not let in, before it is closed: `-ERR …\r\n`. */
  readonly refusal?: (refusal: Refusal) => string | undefined
  readonly onRefused?: (connection: Connection, refusal: Refusal) => void
  /** A TLS handshake, or a PROXY header, that failed. */
  readonly onHandshakeFailed?: (connection: Connection, error: Error | undefined) => void
  /** Something in a handler threw: a fault of ours. */
  readonly onFault: (error: unknown, connection: Connection) => void
  /** The listening socket could not accept (no file descriptors left …). It goes on listening. */
  readonly onAcceptError?: (error: Error) => void
}

export interface Listener {
  readonly host: string
  /** The real one, also when 0 was asked for. */
  readonly port: number
  /** Live connections of this listener, those still in their handshake included. */
  readonly connections: ReadonlySet<Connection>
  /** Stops accepting; connections live on. */
  stop(): Promise<void>
  /** Stops accepting and breaks what is left. */
  close(): Promise<void>
}

/** Cannot listen. `message` names the endpoint and what to do. */
export class ListenError extends Error {
  /** `EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL` … */
  readonly code: string
  readonly host: string
  readonly port: number
  readonly remedy: string
  constructor(code: string, host: string, port: number, options?: ErrorOptions) {
    const remedy = remedies[code] ?? 'check the address and the port'
    super(`Cannot listen on ${formatEndpoint(host, port)}: ${reasons[code] ?? code}; ${remedy}`, options)
    this.name = 'ListenError'
    this.code = code
    this.host = host
    this.port = port
    this.remedy = remedy
  }
}

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use',
  EACCES: 'ports below 1024 are not open to this user',
  EADDRNOTAVAIL: 'no interface has this address',
  ENOTFOUND: 'the host name is unknown',
  EAFNOSUPPORT: 'this machine has no such address family',
}

const remedies: Readonly<Record<string, string>> = {
  EADDRINUSE: 'stop the other server (`ss -ltnp` names it) or choose another port',
  EACCES: 'choose a port above 1023, or give the process CAP_NET_BIND_SERVICE',
  EADDRNOTAVAIL: 'correct inet_interfaces',
  ENOTFOUND: 'give an address, not a name',
  EAFNOSUPPORT: 'correct inet_protocols',
}

/** Starts listening. @throws ListenError */
export async function listen(options: ListenOptions): Promise<Listener> {
  const connections = new Set<Connection>()
  const door = new Door(options, connections)
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => door.enter(socket))
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(new ListenError(error.code ?? 'EUNKNOWN', options.host, options.port, { cause: error })),
    )
    server.listen({ host: options.host, port: options.port, backlog: options.backlog ?? 511 }, resolve)
  })
  server.removeAllListeners('error')
  server.on('error', (error) => options.onAcceptError?.(error))
  const address = server.address() as net.AddressInfo
  const stop = (): Promise<void> => {
    if (server.listening) server.close()
    return Promise.resolve()
  }
  return {
    host: options.host,
    port: address.port,
    connections,
    stop,
    async close() {
      const closed = new Promise<void>((resolve) => server.once('close', resolve))
      const wasListening = server.listening
      if (wasListening) server.close()
      for (const connection of connections) connection.destroy('shutdown')
      if (wasListening) await closed
    },
  }
}

/** What stands between accept() and the session: limits, the PROXY header, implicit TLS. */
class Door {
  readonly #options: ListenOptions
  readonly #setup: ConnectionSetup

  constructor(options: ListenOptions, connections: Set<Connection>) {
    this.#options = options
    this.#setup = {
      wheel: options.wheel ?? sharedWheel(),
      admission: options.admission,
      onFault: options.onFault,
      alpnProtocols: options.alpnProtocols,
      handshakeTimeoutMs: options.handshakeTimeoutMs ?? 30_000,
      stallTimeoutMs: options.stallTimeoutMs ?? 300_000,
      connections,
    }
  }

  enter(socket: net.Socket): void {
    const connection = new Connection(socket, this.#setup)
    // Gone before it was accepted: the kernel has no peer to name any more.
    if (connection.remoteAddress === '') connection.destroy('reset')
    else if (this.#options.proxyFrom?.(connection.remoteAddress) === true)
      connection.attach(new ProxyStage(connection, this))
    else this.admit(connection, undefined)
  }

  admit(connection: Connection, rest: Buffer | undefined): void {
    const refusal = this.#options.admission?.admit(connection)
    if (!(refusal instanceof Promise)) this.#decided(connection, rest, refusal)
    else {
      // The handler comes in the same turn, before an octet is read.
      connection.attach(refused)
      void refusal.then((decided) => this.#decided(connection, rest, decided))
    }
  }

  #decided(connection: Connection, rest: Buffer | undefined, refusal: Refusal | undefined): void {
    if (!connection.open) return
    if (refusal !== undefined) this.#refuse(connection, refusal)
    else if (this.#options.implicitTls === undefined) this.#greet(connection, rest)
    else this.#handshake(connection, this.#options.implicitTls, rest)
  }

  failed(connection: Connection, error: Error | undefined): void {
    this.#options.onHandshakeFailed?.(connection, error)
  }

  proxyTimeoutMs(): number {
    return this.#options.proxyTimeoutMs ?? this.#setup.handshakeTimeoutMs
  }

  #handshake(connection: Connection, credentials: TlsCredentials, rest: Buffer | undefined): void {
    connection.attach(new HandshakeStage(connection, this))
    void connection.startImplicitTls(credentials, rest).then((facts) => {
      if (facts !== undefined) this.#greet(connection, undefined)
    })
  }

  #greet(connection: Connection, rest: Buffer | undefined): void {
    if (!connection.open) return
    connection.transcript = this.#options.transcript?.(connection)
    try {
      this.#options.onConnection(connection)
    } catch (error) {
      this.#options.onFault(error, connection)
      connection.destroy('fault')
      return
    }
    if (rest !== undefined) connection.deliver(rest)
  }

  #refuse(connection: Connection, refusal: Refusal): void {
    this.#options.onRefused?.(connection, refusal)
    const text = this.#options.implicitTls === undefined ? this.#options.refusal?.(refusal) : undefined
    connection.attach(refused)
    if (text === undefined) connection.destroy('refused')
    else {
      connection.write(text)
      connection.end()
    }
  }
}

const refused: ConnectionHandler = { bytes() {}, closed() {} }

/** Reads the upstream's PROXY header, octet for octet, before anything else happens. */
class ProxyStage implements ConnectionHandler {
  readonly #connection: Connection
  readonly #door: Door
  #read: Buffer = Buffer.alloc(0)

  constructor(connection: Connection, door: Door) {
    this.#connection = connection
    this.#door = door
    connection.setDeadline(door.proxyTimeoutMs())
  }

  bytes(chunk: Buffer): void {
    const bytes = this.#read.length === 0 ? chunk : Buffer.concat([this.#read, chunk])
    const result = readProxyHeader(bytes)
    if (result.kind === 'more') this.#read = bytes
    else if (result.kind === 'bad') {
      this.#door.failed(
        this.#connection,
        new Error(`Bad PROXY header from ${this.#connection.remoteAddress}: ${result.reason}`),
      )
      this.#connection.destroy('refused')
    } else {
      this.#connection.setDeadline(0)
      if (result.header.kind === 'proxied') Object.assign(this.#connection, endpointsOf(result.header))
      this.#connection.receivedBytes = 0
      this.#door.admit(this.#connection, bytes.subarray(result.length))
    }
  }

  closed(): void {}
}

function endpointsOf(header: {
  readonly remoteAddress: string
  readonly remotePort: number
  readonly localAddress: string
  readonly localPort: number
}): object {
  const { remoteAddress, remotePort, localAddress, localPort } = header
  return {
    remoteAddress: normalizeAddress(remoteAddress),
    remotePort,
    localAddress: normalizeAddress(localAddress),
    localPort,
  }
}

class HandshakeStage implements ConnectionHandler {
  readonly #connection: Connection
  readonly #door: Door
  constructor(connection: Connection, door: Door) {
    this.#connection = connection
    this.#door = door
  }
  bytes(): void {}
  closed(_reason: CloseReason, error: Error | undefined): void {
    this.#door.failed(this.#connection, error)
  }
}
