import type { Admission } from './admission.ts'
import type { Connection } from './connection.ts'
import type { TimerWheel } from './timer-wheel.ts'

/** Whoever speaks the protocol on a connection. One object per session: the methods get no closures. */
export interface ConnectionHandler {
  /** Octets in order of arrival, decrypted. The chunk is the handler's to keep. */
  bytes(chunk: Buffer): void
  /** Whether `bytes` would be done with so many octets when it returns, and keep none of them. Absent: no. */
  usesUp?(lengthBytes: number): boolean
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
