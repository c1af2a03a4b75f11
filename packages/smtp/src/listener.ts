import type { SecureContext } from 'node:tls'
import type { TlsCredentials } from '@posthorn/net'
import { SMTPServer } from 'smtp-server'
import type { SMTPConnectionOptions } from 'smtp-server/lib/smtp-connection.js'
import { Connection, type ConnectionHost } from './connection.ts'
import type { SmtpServiceName } from './options.ts'

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

/** smtp-server's SMTPServer: listening, PROXY protocol, TLS handshakes before the session. */
export class Listener extends SMTPServer {
  readonly #service: SmtpServiceName
  readonly #host: ConnectionHost

  constructor(service: SmtpServiceName, host: ConnectionHost, credentials: TlsCredentials | undefined) {
    const { proxyProtocolFrom, handshakeTimeoutMs } = host.options
    super({
      secure: service === 'submissions',
      logger: false,
      disableReverseLookup: true,
      useProxy: proxyProtocolFrom.length > 0 ? [...proxyProtocolFrom] : false,
      socketTimeout: handshakeTimeoutMs,
      maxClients: host.options.connections,
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: true,
    })
    this.#service = service
    this.#host = host
    if (credentials !== undefined) this.secureContext = new LiveContexts(credentials)
  }

  /** The package's built-in certificate is public knowledge: never made, never shown. */
  override updateSecureContext(): void {
    this.secureContext = new Map()
  }

  override _handleProxy(...[socket, callback]: Parameters<SMTPServer['_handleProxy']>): void {
    if (this._expectsProxyHeader(socket)) super._handleProxy(socket, callback)
    else callback(null, {} as Parameters<typeof callback>[1])
  }

  /** smtp-server's own limit is on silence: one that trickles would stay. Ours is on the whole of it. */
  override _acceptSocket(
    ...[socket, handshake]: Parameters<SMTPServer['_acceptSocket']>
  ): (() => void) | false {
    const { connections, handshakeTimeoutMs } = this.#host.options
    if (this._pendingSockets.size >= connections) this.#dropOldest()
    const release = super._acceptSocket(socket, handshake)
    if (release === false || !this._pendingSockets.has(socket)) return release
    const timer = setTimeout(() => this._pendingSockets.get(socket)?.destroy(), handshakeTimeoutMs).unref()
    socket.once('close', () => clearTimeout(timer))
    return () => {
      clearTimeout(timer)
      release()
    }
  }

  #dropOldest(): void {
    for (const [socket, top] of this._pendingSockets) {
      this._pendingSockets.delete(socket)
      top.destroy()
      return
    }
  }

  override connect(socket: Parameters<SMTPServer['connect']>[0], options: SMTPConnectionOptions): void {
    const connection = new Connection(this, socket, { ...options, id: '-' }, this.#service, this.#host)
    this.connections.add(connection)
    connection.init()
  }
}
