import { lostFailure, type SmtpFailure, type Stage, timeoutFailure } from './failure.ts'
import { type RemoteReply, readRemoteReply } from './reply.ts'

export type Told = RemoteReply | SmtpFailure
export const isFailure = (told: Told): told is SmtpFailure => 'kind' in told

/** What is waited for, and how long. 0 = without end. */
export interface Limit {
  readonly stage: Stage
  readonly timeoutMs: number
}

/** What the connection knows and is told. */
interface Wire {
  /** Why there is no more to come; 'lost': without a reason of ours. undefined: there may be. */
  ended(): SmtpFailure | 'lost' | undefined
  /** All replies are there, or take the failure for them. */
  over(failure: SmtpFailure | undefined): void
}

/**
 * Replies that are waited for together; a failure takes the place of those that do not come. Each has its time from
 * the one before it: a server may think about every recipient of a pipelined group. Postfix: smtp_proto(3).
 */
export class AwaitedReplies {
  readonly all: Promise<Told[]>
  readonly #count: number
  readonly #peer: string
  readonly #wire: Wire
  readonly #told: Told[] = []
  #resolve: (told: Told[]) => void = () => {}
  #timer: NodeJS.Timeout | undefined
  #limit: ((told: number) => Limit) | undefined

  constructor(count: number, peer: string, wire: Wire) {
    this.#count = count
    this.#peer = peer
    this.#wire = wire
    this.all = new Promise((resolve) => {
      this.#resolve = resolve
    })
  }

  take(raw: string): void {
    this.#told.push(readRemoteReply(raw))
    if (this.#told.length === this.#count) this.#end(undefined)
    else this.#wait()
  }

  /** From now on; `told`: how many replies there are by then. */
  limit(limit: (told: number) => Limit): void {
    this.#limit = limit
    const ended = this.#wire.ended()
    if (this.#told.length >= this.#count) this.#end(undefined)
    else if (ended === undefined) this.#wait()
    else this.lost(ended === 'lost' ? undefined : ended)
  }

  /** The connection is gone. */
  lost(failure: SmtpFailure | undefined): void {
    this.#end(failure ?? lostFailure(this.#peer, this.#now?.stage ?? 'sending message body'))
  }

  get #now(): Limit | undefined {
    return this.#limit?.(this.#told.length)
  }

  #wait(): void {
    clearTimeout(this.#timer)
    const now = this.#now
    if (now === undefined || now.timeoutMs === 0) return
    this.#timer = setTimeout(() => this.#end(timeoutFailure(this.#peer, now.stage)), now.timeoutMs)
  }

  #end(failure: SmtpFailure | undefined): void {
    clearTimeout(this.#timer)
    this.#wire.over(failure)
    if (failure !== undefined) while (this.#told.length < this.#count) this.#told.push(failure)
    this.#resolve(this.#told)
  }
}
