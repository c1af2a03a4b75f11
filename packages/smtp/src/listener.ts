import { BlockList, isIP, type Socket } from 'node:net'
import type { SecureContext } from 'node:tls'
import {
  customerNetwork,
  normalizeAddress,
  type ProxyRead,
  readProxyHeader,
  type TlsCredentials,
} from '@posthorn/net'
import type { SMTPConnectionOptions } from 'smtp-server/lib/smtp-connection.js'
import { Connection, type ConnectionHost } from './connection.ts'
import type { SmtpServiceName } from './options.ts'
import { SMTPServer, TLS_SOCKET_OPTIONS } from './smtp-server.ts'

/** Asks the credentials at each handshake, so that a certificate renewed meanwhile is shown. */
class LiveContexts extends Map<string, SecureContext> {
  readonly #credentials: TlsCredentials

  constructor(credentials: TlsCredentials) {
    super()
    this.#credentials = credentials
  }

  override get(name: string): SecureContext {
    return this.#credentials.contextFor(name)
  }
}

// smtp-server hands only the options in its list on to its TLS sockets.
if (!TLS_SOCKET_OPTIONS.includes('ALPNCallback')) TLS_SOCKET_OPTIONS.push('ALPNCallback')

/** RFC 7301 §3.2: a client that offers names and not ours speaks something else (ALPACA, CVE-2021-3618). */
const alpn = ({ protocols }: { readonly protocols: readonly string[] }): string | undefined =>
  protocols.find((name) => name === 'smtp' || name === 'lmtp')

/** smtp-server's SMTPServer: listening, PROXY protocol, TLS handshakes before the session. */
export class Listener extends SMTPServer {
  readonly #service: SmtpServiceName
  readonly #host: ConnectionHost
  /** Whether it listens on a UNIX socket: asking the server means asking the system. */
  #isLocal = false

  constructor(service: SmtpServiceName, host: ConnectionHost, credentials: TlsCredentials | undefined) {
    super({
      secure: service === 'submissions',
      logger: false,
      // Else each connection would ask the system for it.
      name: host.options.hostname,
      disableReverseLookup: true,
      socketTimeout: host.options.handshakeTimeoutMs,
      maxClients: host.options.connections,
      allowHalfOpen: true,
      noDelay: true,
      ALPNCallback: alpn,
      keepAlive: true,
    })
    this.#service = service
    this.#host = host
    this.server.on('listening', () => {
      this.#isLocal = typeof this.server.address() === 'string'
    })
    // Read at each handshake: it may change while the server runs.
    const asks = (): boolean => host.options.clientCertificate !== 'none'
    Object.defineProperty(this.options, 'requestCert', { get: asks, enumerable: true })
    // Who may stay without one is the session's to say.
    this.options.rejectUnauthorized = false
    if (credentials !== undefined) this.secureContext = new LiveContexts(credentials)
  }

  /** The package's built-in certificate is public knowledge: never made, never shown. */
  override updateSecureContext(): void {
    this.secureContext = new Map()
  }

  override _expectsProxyHeader(socket: Socket): boolean {
    // Asked twice of each connection, most of them of a site without such upstreams.
    if (this.#host.options.proxyProtocolFrom.length === 0) return false
    return proxyTest(this.#host.options.proxyProtocolFrom)(normalizeAddress(socket.remoteAddress ?? ''))
  }

  /** Versions 1 and 2; smtp-server reads the first only. */
  override _handleProxy(
    ...[socket, callback]: Parameters<InstanceType<typeof SMTPServer>['_handleProxy']>
  ): void {
    const give = (endpoints: object): void => callback(null, endpoints as Parameters<typeof callback>[1])
    if (!this._expectsProxyHeader(socket)) {
      give({})
      return
    }
    const late = setTimeout(() => socket.destroy(), this.#host.options.proxyTimeoutMs).unref()
    readProxyFrom(socket, (read) => {
      clearTimeout(late)
      if (read.kind === 'done') {
        give(read.header.kind === 'proxied' ? read.header : {})
        return
      }
      const why = read.kind === 'bad' ? read.reason : 'connection closed'
      const error = new Error(`Bad PROXY header from ${socket.remoteAddress}: ${why}`)
      this.emit('error', error)
      callback(error)
    })
  }

  /** smtp-server's own limit is on silence: one that trickles would stay. Ours is on the whole of it. */
  override _acceptSocket(
    ...[socket, handshake]: Parameters<InstanceType<typeof SMTPServer>['_acceptSocket']>
  ): (() => void) | false {
    const { connections, handshakeTimeoutMs } = this.#host.options
    if (this._pendingSockets.size >= connections) this.#makeRoom()
    const release = super._acceptSocket(socket, handshake)
    if (release === false || !this._pendingSockets.has(socket)) return release
    const timer = setTimeout(() => this._pendingSockets.get(socket)?.destroy(), handshakeTimeoutMs).unref()
    socket.once('close', () => clearTimeout(timer))
    return () => {
      clearTimeout(timer)
      release()
    }
  }

  /** Who comes through a UNIX socket is on this machine. undefined: a TCP client without an address. */
  #localEndpoints(socket: { readonly remoteAddress?: string | undefined }): object | undefined {
    if (this.#isLocal) return { remoteAddress: '127.0.0.1', localAddress: '127.0.0.1' }
    return socket.remoteAddress === undefined ? undefined : {}
  }

  /** Who has said all before the handshake is over will not go on with it. */
  override _upgrade(...[socket, callback]: Parameters<InstanceType<typeof SMTPServer>['_upgrade']>): void {
    super._upgrade(socket, callback)
    const above = this._pendingSockets.get(socket)
    above?.once('end', () => {
      if (this._pendingSockets.has(socket)) above.destroy()
    })
  }

  /** The oldest of the client with most of them goes: a flood of one address crowds out its own handshakes. */
  #makeRoom(): void {
    const clients = Map.groupBy(this._pendingSockets, ([socket]) =>
      customerNetwork(normalizeAddress(socket.remoteAddress ?? '')),
    )
    const [busiest] = [...clients.values()].toSorted((a, b) => b.length - a.length)
    const [oldest] = busiest ?? []
    if (oldest === undefined) return
    const [socket, top] = oldest
    this._pendingSockets.delete(socket)
    top.destroy()
  }

  override connect(
    socket: Parameters<InstanceType<typeof SMTPServer>['connect']>[0],
    options: SMTPConnectionOptions,
  ): void {
    const endpoints = options.remoteAddress === undefined ? this.#localEndpoints(socket) : {}
    if (endpoints === undefined) {
      // Gone before its address could be asked for: nobody knows whom to trust.
      socket.on('error', () => undefined)
      socket.destroy()
      return
    }
    const given = { ...options, ...endpoints, id: '-' }
    // Not into smtp-server's own Set of connections, which is for its close() alone: the service has its own.
    new Connection(this, socket, given, this.#service, this.#host).init()
  }
}

/** Reads the header and puts back what follows it. 'more': the peer left before it was complete. */
const readProxyFrom = (socket: Socket, done: (read: ProxyRead) => void): void => {
  let bytes: Buffer = Buffer.alloc(0)
  const end = (read: ProxyRead): void => {
    socket.off('data', take)
    socket.off('end', leave)
    socket.off('close', leave)
    socket.pause()
    if (read.kind === 'done') socket.unshift(bytes.subarray(read.length))
    else {
      socket.on('error', () => undefined)
      socket.destroy()
    }
    socket.off('error', leave)
    done(read)
  }
  const take = (chunk: Buffer): void => {
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk])
    const read = readProxyHeader(bytes)
    if (read.kind !== 'more') end(read)
  }
  const leave = (): void => end({ kind: 'more' })
  socket.on('data', take)
  socket.on('end', leave)
  socket.on('close', leave)
  socket.on('error', leave)
}

let tested: { readonly entries: readonly string[]; readonly has: (address: string) => boolean } | undefined

/** Addresses and networks of upstreams. Asked at each connection, made anew when the list is another. */
const proxyTest = (entries: readonly string[]): ((address: string) => boolean) => {
  if (tested?.entries === entries) return tested.has
  const list = new BlockList()
  for (const entry of entries) {
    const [address = '', prefix] = entry.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    if (isIP(address) === 0) continue
    if (prefix === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(prefix), family)
  }
  const has = entries.includes('*')
    ? () => true
    : (address: string) => list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
  tested = { entries, has }
  return has
}
