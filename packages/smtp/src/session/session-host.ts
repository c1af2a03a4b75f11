import type { WheelEntry } from '@posthorn/net'
import type { SmtpHandler, SmtpSession } from '../handler.ts'
import type { SmtpOptions } from '../options.ts'

/** What a session needs of its connection. Octets go out in the order of the calls. */
export interface SessionWire {
  write(text: string): void
  /** The handshake; afterwards `secured` or `lost` is called. */
  startTls(): void
  /** Sends what was written, then closes. 'leave': what the client may still send is not waited for. */
  end(then: 'linger' | 'leave'): void
  /** What came is in the middle of something, and the client has to send more before it is answered. */
  acknowledge(): void
  /** Room for more input again. */
  resume(): void
}

/** What a session needs of its service. */
export interface SessionHost {
  readonly handler: SmtpHandler
  /** Read anew at each use: options may change while sessions go on. */
  readonly options: SmtpOptions
  readonly tlsAvailable: boolean
  /** The service is being closed: the next command is answered 421. */
  readonly closing: boolean
  now(): number
  /** Call when its `dueMs` was set. */
  schedule(alarm: WheelEntry): void
  cancel(alarm: WheelEntry): void
  fault(session: SmtpSession, error: unknown): void
}
