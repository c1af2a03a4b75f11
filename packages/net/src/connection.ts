import type * as net from 'node:net'
import * as tls from 'node:tls'
import { normalizeAddress } from './address.ts'
import type { Admission } from './admission.ts'
import { flushLimitBytes, joinPieces } from './output-pieces.ts'
import { type SecureFacts, secureFacts } from './secure-facts.ts'
import type { TimerWheel, WheelEntry } from './timer-wheel.ts'
import type { TlsCredentials } from './tls-credentials.ts'
import type { Transcript } from './transcript.ts'

/** Whoever speaks the protocol on a connection. One object per session: the methods get no closures. */
export interface ConnectionHandler {
  /** Octets in order of arrival, decrypted. The chunk is the handler's to keep. */
  bytes(chunk: Buffer): void
  /** The peer will send no more (FIN). Absent: the connection ends when all was written. */
  ended?(): void
  /** The deadline passed. Absent: the connection is destroyed. */
  timedOut?(): void
  /** Last call, made once. */
  closed(reason: CloseReason, error: Error | undefined): void
}

/**
 * 'ended': both sides said goodbye; 'reset': the peer or the network broke it; 'stalled': the peer did not
 * read; 'crowded-out': made room for another (Admission); 'fault': our handler threw; 'refused': it was never let in.
 */
export type CloseReason =
  | 'ended'
  | 'reset'
  | 'timeout'
  | 'stalled'
  | 'tls-failed'
  | 'crowded-out'
  | 'refused'
  | 'shutdown'
  | 'fault'
  | 'aborted'

export interface ConnectionSetup {
  readonly wheel: TimerWheel
  readonly admission: Admission | undefined
  readonly onFault: (error: unknown, connection: Connection) => void
  readonly alpnProtocols: readonly string[] | undefined
  readonly handshakeTimeoutMs: number
  /** How long a peer may leave our octets unread. */
  readonly stallTimeoutMs: number
  /** The listener's living connections. */
  readonly connections: Set<Connection>
}

type Stage = 'plain' | 'upgrading' | 'secure' | 'ending' | 'closed'

const owner: unique symbol = Symbol('connection')
type OwnedSocket = net.Socket & { [owner]?: Connection | undefined }

const copyLimitBytes = 2048
/** A TLS record: below that each piece would become one of its own. */
const secureCopyLimitBytes = 16_384
/** From here on `drained` asks the writer to wait. */
const highWaterBytes = 131_072
/** How long a peer may take to say goodbye after we did. */
const lingerMs = 10_000
const never = Number.POSITIVE_INFINITY

let listeners: {
  readonly data: (this: OwnedSocket, chunk: Buffer) => void
  readonly end: (this: OwnedSocket) => void
  readonly drain: (this: OwnedSocket) => void
  readonly error: (this: OwnedSocket, error: Error) => void
  readonly secure: (this: OwnedSocket) => void
  readonly close: (this: OwnedSocket) => void
}

/**
 * One accepted connection: octets in and out, TLS, deadlines. Nothing it does throws at the session, and
 * nothing a session throws while reading ends the process: it ends the connection, by `onFault`.
 */
export class Connection implements WheelEntry {
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
  sentBytes = 0
  /** Written by Admission alone. */
  admittedAs: string | undefined
  /** Written by TimerWheel and this class. */
  dueMs = never
  tick = 0

  #socket: OwnedSocket
  readonly #setup: ConnectionSetup
  #handler: ConnectionHandler | undefined
  #stage: Stage = 'plain'
  #pending: (Uint8Array | string)[] = []
  #pendingBytes = 0
  #holds = 0
  #flushScheduled = false
  #deadlineMs = never
  #stallMs = never
  #takenAtStall = 0
  #drain: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined
  #closeReason: CloseReason | undefined
  #error: Error | undefined
  #upgraded: ((facts: SecureFacts | undefined) => void) | undefined

  constructor(socket: net.Socket, setup: ConnectionSetup) {
    this.#socket = socket
    this.#setup = setup
    this.remoteAddress = normalizeAddress(socket.remoteAddress ?? '')
    this.remotePort = socket.remotePort ?? 0
    this.localAddress = normalizeAddress(socket.localAddress ?? '')
    this.localPort = socket.localPort ?? 0
    setup.connections.add(this)
    this.#adopt(socket)
  }

  /** True until `end` or `destroy`, or until the peer is gone: what is written now will be sent. */
  get open(): boolean {
    return this.#stage !== 'ending' && this.#stage !== 'closed'
  }

  /** Gives the connection to a session (or from one protocol layer to the next). */
  attach(handler: ConnectionHandler): void {
    this.#handler = handler
  }

  /** Hands octets to the session as if they had just come. For what a layer before it read too far. */
  deliver(chunk: Buffer): void {
    if (chunk.length === 0 || !this.open) return
    this.receivedBytes += chunk.length
    this.transcript?.received(chunk)
    this.#holds++
    try {
      this.#handler?.bytes(chunk)
    } catch (error) {
      this.#fault(error)
    } finally {
      this.release()
    }
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
    this.#pending.push(bytes)
    this.#pendingBytes += bytes.length
    if (this.#pendingBytes >= flushLimitBytes) this.#flush()
    else if (this.#holds === 0 && !this.#flushScheduled) {
      this.#flushScheduled = true
      process.nextTick(flushLater, this)
    }
  }

  /** Collects what is written until `release`, so that a batch of replies is one packet. Calls nest. */
  hold(): void {
    this.#holds++
  }

  release(): void {
    if (this.#holds > 0) this.#holds--
    if (this.#holds === 0) this.#flush()
  }

  /** Sends now what is held. */
  flush(): void {
    this.#flush()
  }

  /** Octets not yet taken by the kernel. */
  get backlogBytes(): number {
    return this.#pendingBytes + this.#socket.writableLength
  }

  /** Undefined: go on writing. A promise: wait for it, then look at `open`; it never rejects. */
  get drained(): Promise<void> | undefined {
    if (!this.open || this.backlogBytes < highWaterBytes) return undefined
    this.#flush()
    if (!this.#socket.writableNeedDrain) return undefined
    this.#drain ??= Promise.withResolvers<void>()
    return this.#drain.promise
  }

  /**
   * `timedOut` is called when this much time has passed without another call. Coarse (a second late at
   * most) and cheap: call it for each command. 0 = none.
   */
  setDeadline(afterMs: number): void {
    this.#deadlineMs = afterMs === 0 ? never : this.#setup.wheel.nowMs + afterMs
    this.#reschedule()
  }

  /** The session knows its user: under pressure others go first. */
  authenticated(): void {
    this.#setup.admission?.authenticated(this)
  }

  /** Says goodbye: everything written is sent first, further input is discarded. */
  end(): void {
    if (!this.open) return
    if (this.#stage === 'upgrading') {
      this.destroy('aborted')
      return
    }
    this.#flush()
    this.#stage = 'ending'
    this.#closeReason ??= 'ended'
    this.#deadlineMs = never
    this.#socket.resume()
    // Until the last octet is out, what counts is whether the peer goes on taking them.
    if (this.#socket.writableLength > 0) this.#watchStall(this.#setup.wheel.nowMs)
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
    this.#flush()
    const raw = this.#socket
    raw.pause()
    this.#beginHandshake()
    const upgraded = Promise.withResolvers<SecureFacts | undefined>()
    this.#upgraded = upgraded.resolve
    this.transcript?.sent(goAhead)
    raw.write(goAhead, (error) => {
      if (error || this.#stage !== 'upgrading') return
      raw.removeListener('data', listeners.data)
      while (raw.read() !== null);
      this.#wrap(credentials)
    })
    return upgraded.promise
  }

  /** TLS from the first octet (ports 465, 993, 995). `rest`: what was read too far, the start of the handshake. */
  startImplicitTls(credentials: TlsCredentials, rest?: Buffer): Promise<SecureFacts | undefined> {
    if (this.#stage !== 'plain') return Promise.resolve(undefined)
    this.#socket.pause()
    this.#beginHandshake()
    const upgraded = Promise.withResolvers<SecureFacts | undefined>()
    this.#upgraded = upgraded.resolve
    this.#socket.removeListener('data', listeners.data)
    if (rest !== undefined && rest.length > 0) this.#socket.unshift(rest)
    this.#wrap(credentials)
    return upgraded.promise
  }

  /** @see WheelEntry */
  onDue(nowMs: number): void {
    if (nowMs >= this.#stallMs) this.#checkStall(nowMs)
    if (nowMs >= this.#deadlineMs) {
      this.#deadlineMs = never
      if (this.#stage === 'upgrading') this.destroy('tls-failed')
      else if (this.#stage === 'ending') this.#socket.destroy()
      else this.#timedOut()
    }
    if (this.#stage !== 'closed') this.#reschedule()
  }

  #timedOut(): void {
    if (this.#handler?.timedOut === undefined) {
      this.destroy('timeout')
      return
    }
    this.#closeReason ??= 'timeout'
    try {
      this.#handler.timedOut()
    } catch (error) {
      this.#fault(error)
    }
  }

  #reschedule(): void {
    const dueMs = Math.min(this.#deadlineMs, this.#stallMs)
    const earlier = dueMs < this.dueMs
    this.dueMs = dueMs
    if (earlier || this.tick === 0) this.#setup.wheel.schedule(this)
  }

  #flush(): void {
    this.#flushScheduled = false
    if (this.#pendingBytes === 0 || this.#stage === 'upgrading' || this.#stage === 'closed') return
    const pending = this.#pending
    this.#pending = []
    this.#pendingBytes = 0
    const socket = this.#socket
    const pieces = joinPieces(pending, this.secure === undefined ? copyLimitBytes : secureCopyLimitBytes)
    if (pieces.length > 1) socket.cork()
    for (const piece of pieces) {
      this.sentBytes += typeof piece === 'string' ? Buffer.byteLength(piece) : piece.length
      this.transcript?.sent(piece)
      socket.write(piece)
    }
    if (pieces.length > 1) socket.uncork()
    if (socket.writableNeedDrain && this.#stallMs === never) this.#watchStall(this.#setup.wheel.nowMs)
  }

  #watchStall(nowMs: number): void {
    this.#takenAtStall = this.#socket.bytesWritten - this.#socket.writableLength
    this.#stallMs = nowMs + this.#setup.stallTimeoutMs
    this.#reschedule()
  }

  #checkStall(nowMs: number): void {
    this.#stallMs = never
    if (this.#socket.writableLength === 0) return
    if (this.#socket.bytesWritten - this.#socket.writableLength > this.#takenAtStall) this.#watchStall(nowMs)
    else this.destroy('stalled')
  }

  #fault(error: unknown): void {
    this.#setup.onFault(error, this)
    this.destroy('fault')
  }

  #beginHandshake(): void {
    this.#stage = 'upgrading'
    this.#setup.admission?.handshakeBegins(this)
    this.setDeadline(this.#setup.handshakeTimeoutMs)
  }

  #wrap(credentials: TlsCredentials): void {
    const raw = this.#socket
    this.#disown(raw)
    const sniCallback = credentials.sniCallback
    const secure = new tls.TLSSocket(raw, {
      isServer: true,
      secureContext: credentials.context,
      ...(sniCallback === undefined ? {} : { SNICallback: sniCallback }),
      ...(this.#setup.alpnProtocols === undefined ? {} : { ALPNProtocols: [...this.#setup.alpnProtocols] }),
    })
    this.#socket = secure
    secure.pause()
    this.#adopt(secure)
    secure.once('_tlsError', listeners.error)
    secure.once('secure', listeners.secure)
  }

  #adopt(socket: OwnedSocket): void {
    socket[owner] = this
    socket.on('data', listeners.data)
    socket.on('end', listeners.end)
    socket.on('drain', listeners.drain)
    socket.on('error', listeners.error)
    socket.on('close', listeners.close)
  }

  /** The error listener stays: a reset may still reach the socket below TLS. */
  #disown(socket: OwnedSocket): void {
    socket.removeListener('data', listeners.data)
    socket.removeListener('end', listeners.end)
    socket.removeListener('drain', listeners.drain)
    socket.removeListener('close', listeners.close)
  }

  #onEnd(): void {
    if (this.#stage === 'upgrading') this.destroy('tls-failed')
    if (!this.open) return
    if (this.#handler?.ended === undefined) {
      this.end()
      return
    }
    try {
      this.#handler.ended()
    } catch (error) {
      this.#fault(error)
    }
  }

  #onError(error: Error): void {
    this.#error ??= error
    if (this.#stage === 'upgrading') this.destroy('tls-failed')
  }

  #onSecure(socket: tls.TLSSocket): void {
    if (this.#stage !== 'upgrading') return
    this.#stage = 'secure'
    this.secure = secureFacts(socket)
    this.#setup.admission?.handshakeEnds(this)
    this.setDeadline(0)
    this.#upgraded?.(this.secure)
    this.#upgraded = undefined
    this.#flush()
    // After the session has heard of it, and before anything it waits for.
    setImmediate(resumeLater, this)
  }

  #onClose(): void {
    if (this.#stage === 'closed') return
    this.#stage = 'closed'
    this.#setup.connections.delete(this)
    this.#setup.wheel.cancel(this)
    this.#setup.admission?.release(this)
    this.#pending = []
    this.#pendingBytes = 0
    this.#releaseWriter()
    this.#upgraded?.(undefined)
    this.#upgraded = undefined
    const reason = this.#closeReason ?? (this.#error === undefined ? 'ended' : 'reset')
    try {
      this.#handler?.closed(reason, this.#error)
    } catch (error) {
      this.#setup.onFault(error, this)
    }
  }

  #releaseWriter(): void {
    this.#stallMs = never
    this.#drain?.resolve()
    this.#drain = undefined
  }

  // One function per event for all sockets: a closure for each would cost every idle connection memory.
  static {
    listeners = {
      data(this: OwnedSocket, chunk: Buffer) {
        const connection = this[owner]!
        if (connection.#stage === 'plain' || connection.#stage === 'secure') connection.deliver(chunk)
      },
      end(this: OwnedSocket) {
        this[owner]!.#onEnd()
      },
      drain(this: OwnedSocket) {
        this[owner]!.#releaseWriter()
      },
      error(this: OwnedSocket, error: Error) {
        this[owner]!.#onError(error)
      },
      secure(this: OwnedSocket) {
        this[owner]!.#onSecure(this as tls.TLSSocket)
      },
      close(this: OwnedSocket) {
        this[owner]!.#onClose()
      },
    }
  }
}

function flushLater(connection: Connection): void {
  connection.flush()
}

function resumeLater(connection: Connection): void {
  connection.resume()
}
