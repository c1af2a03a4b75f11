import type { CloseReason, ConnectionHandler } from './connection-handler.ts'

export interface FaultOwner {
  /** A session threw. */
  handlerFault(error: unknown): void
}

/** The session on a connection, once there is one. What it throws goes to the owner, not to who calls. */
export class GuardedHandler {
  readonly #owner: FaultOwner
  #handler: ConnectionHandler | undefined

  constructor(owner: FaultOwner) {
    this.#owner = owner
  }

  attach(handler: ConnectionHandler): void {
    this.#handler = handler
  }

  bytes(chunk: Buffer): void {
    try {
      this.#handler?.bytes(chunk)
    } catch (error) {
      this.#owner.handlerFault(error)
    }
  }

  usesUp(lengthBytes: number): boolean {
    return this.#handler?.usesUp?.(lengthBytes) === true
  }

  /** 'absent': it leaves that to the connection. */
  ended(): 'heard' | 'absent' {
    return this.#tell(this.#handler?.ended)
  }

  /** 'absent': it leaves that to the connection. */
  timedOut(): 'heard' | 'absent' {
    return this.#tell(this.#handler?.timedOut)
  }

  closed(reason: CloseReason, error: Error | undefined): void {
    try {
      this.#handler?.closed(reason, error)
    } catch (fault) {
      this.#owner.handlerFault(fault)
    }
  }

  #tell(news: (() => void) | undefined): 'heard' | 'absent' {
    if (news === undefined) return 'absent'
    try {
      news.call(this.#handler)
    } catch (error) {
      this.#owner.handlerFault(error)
    }
    return 'heard'
  }
}
