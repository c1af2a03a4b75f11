import type { SmtpReply, SmtpSession } from '../handler.ts'
import { formatReply, softened } from '../wire/reply.ts'
import type { SessionHost, SessionWire } from './session-host.ts'
import { writeDown } from './transcript.ts'

/** What a session has said and not yet sent: replies to pipelined commands leave together. RFC 2920 §3.1. */
export class Replies {
  readonly #peer: SmtpSession
  readonly #host: SessionHost
  readonly #wire: SessionWire
  #unsent = ''

  constructor(peer: SmtpSession, host: SessionHost, wire: SessionWire) {
    this.#peer = peer
    this.#host = host
    this.#wire = wire
  }

  get areAllSent(): boolean {
    return this.#unsent === ''
  }

  add(answer: SmtpReply): void {
    const { options, handler } = this.#host
    const soft = answer.code >= 500 && options.softBounce === 'yes'
    const said = soft ? softened(answer) : answer
    const text = formatReply(said.code < 400 ? said : (handler.refused?.(this.#peer, said) ?? said))
    this.#unsent += text
    writeDown(this.#peer, 'Out: ', text)
  }

  flush(): void {
    if (this.#unsent === '') return
    const text = this.#unsent
    this.#unsent = ''
    this.#wire.write(text)
  }
}
