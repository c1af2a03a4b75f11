import { EventEmitter } from 'node:events'
import type { Session } from './session/session.ts'

/**
 * The end of the pipe from the socket, in the place of smtp-server's parser stream: hands chunks to the
 * session as they are, without a second stream's queues.
 */
export class Intake extends EventEmitter {
  session: Session | undefined
  /** Set by smtp-server when it retires a parser (STARTTLS, close). */
  isClosed = false
  /** The client does not read its replies. */
  congested = false
  readonly #before: Buffer[] = []

  write(chunk: Buffer): boolean {
    if (this.isClosed) return true
    if (this.session === undefined) {
      this.#before.push(chunk)
      return false
    }
    return this.session.push(chunk) && !this.congested
  }

  attach(session: Session): void {
    this.session = session
    for (const chunk of this.#before.splice(0)) session.push(chunk)
    this.emit('drain')
  }

  end(): void {
    if (!this.isClosed) this.session?.inputEnded()
  }

  resume(): void {
    if (!this.congested) this.emit('drain')
  }
}
