import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import {
  acknowledge,
  certifiedClient,
  channelBindings,
  clientCertificate,
  letGo,
  type Place,
  readDirectly,
} from '@posthorn/net'
import type { SMTPServer } from 'smtp-server'
import type { SMTPConnectionOptions } from 'smtp-server/lib/smtp-connection.js'
import type { Greeting, SmtpReply, SmtpSession } from './handler.ts'
import { Intake } from './intake.ts'
import type { SmtpOptions, SmtpServiceName } from './options.ts'
import { Session } from './session/session.ts'
import type { SessionHost, SessionWire } from './session/session-host.ts'
import { SMTPConnection } from './smtp-server.ts'
import { reply } from './wire/reply.ts'

/** What a connection needs of its service beyond what the session needs. */
export interface ConnectionHost extends SessionHost {
  /** Counts in; a reply refuses the connection before the handler is asked. */
  admit(connection: Connection): SmtpReply | undefined
  /** Asked when the handler has said whether the client is trusted. */
  crowded(connection: Connection): SmtpReply | undefined | Promise<SmtpReply | undefined>
  gone(connection: Connection): void
}

type Parser = Exclude<InstanceType<typeof SMTPConnection>['_parser'], false>
let lastId = 0

/**
 * One accepted socket. smtp-server's SMTPConnection keeps the life of the socket (listeners, half-close,
 * STARTTLS with its traps); every octet goes to our Session and every reply comes from it.
 */
export class Connection extends SMTPConnection implements SessionWire {
  readonly peer: SmtpSession
  readonly conversation: Session
  /** Of the socket, or the PROXY header: connections are counted by it, whatever XCLIENT says. */
  readonly clientAddress: string
  /** Among those of the service; undefined: not counted in, or gone. Written by the service alone. */
  place: Place<Connection> | undefined
  readonly #host: ConnectionHost

  constructor(
    server: SMTPServer,
    socket: Socket | TLSSocket,
    options: SMTPConnectionOptions,
    service: SmtpServiceName,
    host: ConnectionHost,
  ) {
    super(server, socket, options)
    this.#host = host
    this.clientAddress = this.remoteAddress
    this.peer = {
      id: (++lastId).toString(36),
      service,
      clientAddress: this.remoteAddress,
      clientPort: this.remotePort,
      localAddress: this.localAddress,
      localPort: this.localPort,
      clientName: 'unknown',
      helo: '',
      protocol: service === 'lmtp' ? 'LMTP' : 'SMTP',
      tls: tlsFacts(socket, host.options),
      user: undefined,
      trusted: false,
    }
    this.conversation = new Session(this.peer, host, this)
  }

  override init(): void {
    this._setListeners(() => undefined)
    this._socket.on('drain', () => this.#drained())
    this.#readDirectly()
    const refused = this.#host.admit(this)
    this.#intake?.attach(this.conversation)
    if (refused === undefined) this.#begin()
    else this.conversation.greet(refused)
  }

  get #intake(): Intake | undefined {
    return this._parser === false ? undefined : (this._parser as unknown as Intake)
  }

  /** The pipe that smtp-server laid remains for the end of what the client sends, and for all that comes under TLS. */
  #readDirectly(): void {
    const socket = this._socket
    const intake = this.#intake
    if (intake === undefined || 'encrypted' in socket) return
    const how = readDirectly(socket, (octets) => {
      if (!intake.write(octets)) socket.pause()
    })
    if (how === 'stream') return
    intake.on('drain', () => {
      if (!intake.isClosed) socket.resume()
    })
  }

  #begin(): void {
    try {
      const answer = this.#host.handler.connect(this.peer)
      if (!(answer instanceof Promise)) this.#decided(answer)
      else {
        answer.then(
          (banner) => this.#decided(banner),
          (error) => this.#failed(error),
        )
      }
    } catch (error) {
      this.#failed(error)
    }
  }

  #failed(error: unknown): void {
    this.#host.fault(this.peer, error)
    this.conversation.greet(reply(421, '4.3.0', `${this.#host.options.hostname} Error: internal error`))
  }

  #decided(banner: Greeting): void {
    this.#logTls()
    const refused = this.#certificateRefusal() ?? this.#host.crowded(this)
    if (refused instanceof Promise) void refused.then((reply) => this.#greet(banner, reply))
    else this.#greet(banner, refused)
  }

  #greet(banner: Greeting, refused: SmtpReply | undefined): void {
    const greetWaitMs = banner.greetWaitMs ?? this.#host.options.greetWaitMs
    const waits = this.peer.service === 'mx' && !this.peer.trusted && greetWaitMs > 0
    if (refused !== undefined || banner.code !== 220 || !waits) {
      this.conversation.greet(refused ?? banner)
      return
    }
    if (banner.teaser !== undefined) this.write(`220-${banner.teaser}\r\n`)
    setTimeout(() => this.#greetStranger(banner, greetWaitMs), greetWaitMs).unref()
  }

  /** Who speaks before the greeting is no mail server. Postfix: postscreen's pregreet test. */
  #greetStranger(banner: Greeting, waitedMs: number): void {
    const { early, hasEnded, mode } = this.conversation
    if (early.length === 0) {
      // Who hung up did not wait.
      if (!hasEnded && mode.kind !== 'closed') banner.keptSilent?.()
      this.conversation.greet(banner)
      return
    }
    const { clientAddress, clientPort } = this.peer
    const text = early.toString('latin1', 0, 100)
    this.conversation.note(
      `PREGREET ${early.length} after ${waitedMs / 1000} from [${clientAddress}]:${clientPort}: ${text}`,
    )
    this.conversation.greet(banner.onPregreet === 'go-on' ? banner : reply(521, '5.5.1', 'Protocol error'))
  }

  write(text: string): void {
    const socket = this._socket
    // In a handshake the socket below is still the plain one: octets of ours would break the records.
    if (this._upgrading || socket.destroyed || !socket.writable) return
    const flushed = socket.write(text)
    const intake = this.#intake
    if (!flushed && intake !== undefined) intake.congested = true
  }

  acknowledge(): void {
    if (!this._upgrading && !this._socket.destroyed) acknowledge(this._socket)
  }

  #drained(): void {
    const intake = this.#intake
    if (intake === undefined) return
    intake.congested = false
    intake.resume()
  }

  startTls(): void {
    this.upgrade(
      () => undefined,
      () => {
        this._socket.on('drain', () => this.#drained())
        this.conversation.secured(
          tlsFacts(this._socket, this.#host.options) ?? {
            protocol: 'unknown',
            cipher: 'unknown',
            bits: 0,
          },
        )
        this.#logTls()
        const refused = this.#certificateRefusal()
        if (refused !== undefined) this.conversation.close(refused)
      },
    )
  }

  /** Postfix: smtpd_tls_loglevel = 1. */
  #logTls(): void {
    const { tls } = this.peer
    if (tls === undefined || this.#host.options.tlsLog === 'no') return
    const { protocol, cipher, bits, clientCertificate } = tls
    const trust =
      clientCertificate === undefined
        ? 'Anonymous'
        : clientCertificate.trust === 'trusted'
          ? 'Trusted'
          : 'Untrusted'
    this.conversation.note(
      `${trust} TLS connection established from ${this.conversation.client}: ${protocol} with cipher ${cipher} (${bits}/${bits} bits)`,
    )
  }

  /** Where TLS is not required nobody can be made to show one. Postfix: smtpd_tls_req_ccert. */
  #certificateRefusal(): SmtpReply | undefined {
    const { tls, service } = this.peer
    const { clientCertificate: demand, tlsLevel, hostname } = this.#host.options
    const isDemanded = demand === 'require' && (tlsLevel === 'encrypt' || service === 'submissions')
    if (!isDemanded || tls === undefined || tls.clientCertificate?.trust === 'trusted') return undefined
    const why =
      tls.clientCertificate === undefined
        ? 'No client certificate presented'
        : 'Client certificate not trusted'
    this.conversation.note(`NOQUEUE: abort: TLS from ${this.conversation.client}: ${why}`)
    return reply(421, '4.7.1', `${hostname} Error: ${why}`)
  }

  /** Who leaves is not waited for, as smtpd(8) does it; under TLS, or while octets of ours wait, everybody is. */
  end(then: 'linger' | 'leave'): void {
    const socket = this._socket
    const leaves = then === 'leave' && !('encrypted' in socket) && socket.writableLength === 0
    if (this._upgrading || leaves) socket.destroy()
    if (!leaves) this.close()
  }

  resume(): void {
    this.#intake?.resume()
  }

  destroy(): void {
    this._socket.destroy()
  }

  // What smtp-server calls and we answer differently.

  override _createParser(): Parser {
    const intake = new Intake()
    // Called by the base constructor too, before there is a conversation.
    if (this.conversation !== undefined) intake.session = this.conversation
    return intake as unknown as Parser
  }

  /** The session's own deadlines rule. Called for the socket above when STARTTLS begins: a FIN is its end too. */
  override _armTimeout(above?: Socket): void {
    above?.once('end', () => {
      if (this._upgrading) above.destroy()
    })
  }

  override _onError(error: Error & { code?: string }): void {
    if (this._upgrading)
      this.conversation.note(`SSL_accept error from ${this.conversation.client}: ${error.message}`)
    this._socket.destroy()
  }

  override _onClose(): void {
    super._onClose()
    this.conversation.lost()
    this.#host.gone(this)
    // A TLS socket has listeners of Node's own, which undo what is below it.
    if (!('encrypted' in this._socket)) letGo(this._socket)
  }
}

const tlsFacts = (
  socket: Socket | TLSSocket,
  { clientCertificate: asked, certificateUser }: SmtpOptions,
): SmtpSession['tls'] => {
  if (!('getCipher' in socket)) return undefined
  const { standardName, name } = socket.getCipher()
  const shown = asked === 'none' ? undefined : clientCertificate(socket)
  const certified = certifiedClient(shown, certificateUser)
  const cipher = socket.getProtocol() === 'TLSv1.3' ? standardName : name
  return {
    protocol: socket.getProtocol() ?? 'unknown',
    cipher,
    bits: /256|CHACHA20/.test(cipher) ? 256 : 128,
    channelBindings: () => channelBindings(socket),
    ...(asked === 'none' ? {} : { certificateAsked: 'yes' as const }),
    ...(shown === undefined ? {} : { clientCertificate: shown }),
    ...(certified === undefined ? {} : { certified }),
  }
}
