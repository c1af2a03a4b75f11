import type * as net from 'node:net'
import type * as tls from 'node:tls'
import { normalizeAddress } from './address.ts'
import { ConnectionDeadlines, type DeadlineOwner } from './connection-deadlines.ts'
import type { CloseReason, ConnectionHandler, ConnectionSetup } from './connection-handler.ts'
import { readDirectly } from './direct-reading.ts'
import { type FaultOwner, GuardedHandler } from './guarded-handler.ts'
import { Outlet } from './outlet.ts'
import { acknowledge } from './quick-ack.ts'
import { type SecureFacts, secureFacts } from './secure-facts.ts'
import { adoptSecure, adoptSocket, type SocketOwner } from './socket-events.ts'
import type { TlsCredentials } from './tls-credentials.ts'
import { type PrepareTls, putBack, secureSocket, sendGoAhead } from './tls-upgrade.ts'
import type { Transcript } from './transcript.ts'

type Stage = 'plain' | 'upgrading' | 'secure' | 'ending' | 'closed'

/** How long a peer may take to say goodbye after we did. */
const lingerMs = 10_000
const never = Number.POSITIVE_INFINITY

/**
 * One accepted connection: octets in and out, TLS, deadlines. Nothing it does throws at the session, and
 * nothing a session throws while reading ends the process: it ends the connection, by `onFault`.
 */
export class Connection implements DeadlineOwner, FaultOwner, SocketOwner {
  remoteAddress: string
  remotePort: number
  localAddress: string
  localPort: number
  /** Undefined while the connection is in the clear. */
  secure: SecureFacts | undefined
  /** Receives what passes, passwords masked. For debugging. */
  transcript: Transcript | undefined
  /** Octets of the protocol, before encryption. */
  receivedBytes = 0
  /** Written by Admission alone. */
  admittedAs: string | undefined

  #socket: net.Socket
  readonly #setup: ConnectionSetup
  readonly #handler = new GuardedHandler(this)
  #stage: Stage = 'plain'
  readonly #out = new Outlet()
  readonly #deadlines: ConnectionDeadlines
  #closeReason: CloseReason | undefined
  #error: Error | undefined
  #upgraded: ((facts: SecureFacts | undefined) => void) | undefined

  constructor(socket: net.Socket, setup: ConnectionSetup) {
    this.#socket = socket
    this.#setup = setup
    this.#deadlines = new ConnectionDeadlines(setup.wheel, this)
    this.remoteAddress = normalizeAddress(socket.remoteAddress ?? '')
    this.remotePort = socket.remotePort ?? 0
    this.localAddress = normalizeAddress(socket.localAddress ?? '')
    this.localPort = socket.localPort ?? 0
    setup.connections.add(this)
    adoptSocket(socket, this)
  }

  /** Octets of the protocol, before encryption. */
  get sentBytes(): number {
    return this.#out.sentBytes
  }

  /** True until `end` or `destroy`, or until the peer is gone: what is written now will be sent. */
  get open(): boolean {
    return this.#stage !== 'ending' && this.#stage !== 'closed'
  }

  /** Gives the connection to a session (or from one protocol layer to the next). */
  attach(handler: ConnectionHandler): void {
    this.#handler.attach(handler)
  }

  /** Hands octets to the session as if they had just come. For what a layer before it read too far. */
  deliver(chunk: Buffer): void {
    if (chunk.length === 0 || !this.open) return
    this.receivedBytes += chunk.length
    this.transcript?.received(chunk)
    this.#out.hold()
    this.#handler.bytes(chunk)
    this.release()
  }

  /** No more `bytes` until `resume`; the peer's TCP window fills. */
  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    if (this.#stage !== 'upgrading') this.#socket.resume()
  }

  /**
   * Sends octets (a string as UTF-8). What is written while `bytes` runs, in one turn of the event loop
   * or between `hold` and `release` goes out together. The buffer must not be changed afterwards.
   */
  write(bytes: Uint8Array | string): void {
    if (!this.open || bytes.length === 0) return
    const when = this.#out.add(bytes)
    if (when === 'now') this.flush()
    else if (when === 'later') process.nextTick(flushLater, this)
  }

  /** The same for many at once, which go out with one system call where the peer is not encrypted. */
  writeAll(pieces: readonly Uint8Array[]): void {
    if (!this.open) return
    for (const piece of pieces) if (piece.length > 0) this.#out.add(piece)
    this.flush()
  }

  /** Collects what is written until `release`, so that a batch of replies is one packet. Calls nest. */
  hold(): void {
    this.#out.hold()
  }

  release(): void {
    if (this.#out.release()) this.flush()
  }

  /** Sends now what is held. */
  flush(): void {
    const out = this.#out
    out.flushed()
    if (out.pendingBytes === 0 || this.#stage === 'upgrading' || this.#stage === 'closed') return
    const socket = this.#socket
    out.send(socket, this.secure === undefined ? 'clear' : 'secure', this.transcript)
    if (socket.writableNeedDrain && !this.#deadlines.watchesStall) this.#watchStall()
  }

  /** What came is in the middle of something: the peer is to send more before it hears of us. */
  acknowledge(): void {
    if (this.open) acknowledge(this.#socket)
  }

  /** Octets not yet taken by the kernel. */
  get backlogBytes(): number {
    return this.#out.pendingBytes + this.#socket.writableLength
  }

  /** Undefined: go on writing. A promise: wait for it, then look at `open`; it never rejects. */
  get drained(): Promise<void> | undefined {
    if (!this.open || !this.#out.isFull(this.#socket)) return undefined
    this.flush()
    return this.#out.room(this.#socket)
  }

  /**
   * `timedOut` is called when this much time has passed without another call. Coarse (a second late at
   * most) and cheap: call it for each command. 0 = none.
   */
  setDeadline(afterMs: number): void {
    // A command may end after its connection: the wheel would keep all of it until then.
    if (this.#stage === 'closed') return
    this.#deadlines.setAfter(afterMs)
  }

  /** The session knows its user: under pressure others go first. */
  authenticated(): void {
    this.#setup.admission?.authenticated(this)
    // Not within the read that brought the login.
    if (this.#stage === 'plain') setImmediate(readDirectlyLater, this)
  }

  /** Says goodbye: everything written is sent first, further input is discarded. */
  end(): void {
    if (!this.open) return
    if (this.#stage === 'upgrading') {
      this.destroy('aborted')
      return
    }
    this.flush()
    this.#stage = 'ending'
    this.#closeReason ??= 'ended'
    this.setDeadline(0)
    this.#socket.resume()
    // Until the last octet is out, what counts is whether the peer goes on taking them.
    if (this.#socket.writableLength > 0) this.#watchStall()
    this.#socket.end(() => this.setDeadline(lingerMs))
  }

  /** Breaks the connection; what the kernel has not taken is lost. */
  destroy(reason: CloseReason = 'aborted'): void {
    if (this.#stage === 'closed') return
    this.#closeReason ??= reason
    this.#stage = 'ending'
    this.#socket.destroy()
  }

  /**
   * Sends the go-ahead (`220 …`, `+OK …`, `a OK …`) and upgrades. Everything that came in the clear and was
   * not yet read is dropped: whatever stands behind a STARTTLS was not written by whom TLS will vouch for
   * (CVE-2011-0411); the session must drop its own buffers too. Resolves with undefined when it failed;
   * `closed` has been or will be called then.
   */
  startTls(goAhead: string, credentials: TlsCredentials): Promise<SecureFacts | undefined> {
    if (this.#stage !== 'plain') return Promise.resolve(undefined)
    this.flush()
    this.transcript?.sent(goAhead)
    return this.#upgrade(credentials, (below, then) => sendGoAhead(below, goAhead, then))
  }

  /** TLS from the first octet (ports 465, 993, 995). `rest`: what was read too far, the start of the handshake. */
  startImplicitTls(credentials: TlsCredentials, rest?: Buffer): Promise<SecureFacts | undefined> {
    if (this.#stage !== 'plain') return Promise.resolve(undefined)
    return this.#upgrade(credentials, (below, then) => putBack(below, rest, then))
  }

  /** @see DeadlineOwner */
  deadlinePassed(): void {
    if (this.#stage === 'upgrading') this.destroy('tls-failed')
    else if (this.#stage === 'ending') this.#socket.destroy()
    else {
      this.#closeReason ??= 'timeout'
      if (this.#handler.timedOut() === 'absent') this.destroy('timeout')
    }
  }

  /** @see DeadlineOwner */
  lookForStall(nowMs: number): number {
    const stall = this.#out.stall(this.#socket)
    if (stall === 'stalled') this.destroy('stalled')
    if (stall !== 'moving') return never
    this.#out.remember(this.#socket)
    return nowMs + this.#setup.stallTimeoutMs
  }

  #watchStall(): void {
    this.#out.remember(this.#socket)
    this.#deadlines.watchStall(this.#setup.stallTimeoutMs)
  }

  /** @see FaultOwner */
  handlerFault(error: unknown): void {
    this.#setup.onFault(error, this)
    this.destroy('fault')
  }

  #upgrade(credentials: TlsCredentials, prepare: PrepareTls): Promise<SecureFacts | undefined> {
    this.#stage = 'upgrading'
    this.#setup.admission?.handshakeBegins(this)
    this.setDeadline(this.#setup.handshakeTimeoutMs)
    const { promise, resolve } = Promise.withResolvers<SecureFacts | undefined>()
    this.#upgraded = resolve
    prepare(this.#socket, () => {
      if (this.#stage !== 'upgrading') return
      const secure = secureSocket(this.#socket, credentials, this.#setup.alpnProtocols)
      this.#socket = secure
      adoptSecure(secure, this)
    })
    return promise
  }

  /** Many commands will follow, and cost less so. Nothing changes under TLS. */
  readDirectly(): void {
    if (this.#stage !== 'plain' || this.secure !== undefined) return
    readDirectly(
      this.#socket,
      (chunk) => this.socketData(chunk),
      (lengthBytes) => this.transcript === undefined && this.#handler.usesUp(lengthBytes),
    )
  }

  /** @see SocketOwner */
  socketData(chunk: Buffer): void {
    if (this.#stage === 'plain' || this.#stage === 'secure') this.deliver(chunk)
  }

  /** @see SocketOwner */
  socketDrain(): void {
    this.#deadlines.forgetStall()
    this.#out.drained()
  }

  /** @see SocketOwner */
  socketEnd(socket: net.Socket): void {
    // Nobody who has said all begins TLS.
    if (this.#stage === 'upgrading') this.destroy('tls-failed')
    if (!this.open || socket !== this.#socket) return
    if (this.#handler.ended() === 'absent') this.end()
  }

  /** @see SocketOwner */
  socketError(error: Error): void {
    this.#error ??= error
    if (this.#stage === 'upgrading') this.destroy('tls-failed')
  }

  /** @see SocketOwner */
  socketSecure(socket: tls.TLSSocket): void {
    if (this.#stage !== 'upgrading') return
    this.#stage = 'secure'
    this.secure = secureFacts(socket)
    this.#setup.admission?.handshakeEnds(this)
    this.setDeadline(0)
    this.#upgraded?.(this.secure)
    this.#upgraded = undefined
    this.flush()
    // After the session has heard of it, and before anything it waits for.
    setImmediate(resumeLater, this)
  }

  /** @see SocketOwner */
  socketClose(): void {
    if (this.#stage === 'closed') return
    this.#stage = 'closed'
    this.#setup.connections.delete(this)
    this.#deadlines.cancel()
    this.#setup.admission?.release(this)
    this.#out.discard()
    this.#out.drained()
    this.#upgraded?.(undefined)
    this.#upgraded = undefined
    const reason = this.#closeReason ?? (this.#error === undefined ? 'ended' : 'reset')
    this.#handler.closed(reason, this.#error)
  }
}

function flushLater(connection: Connection): void {
  connection.flush()
}

function readDirectlyLater(connection: Connection): void {
  connection.readDirectly()
}

function resumeLater(connection: Connection): void {
  connection.resume()
}
