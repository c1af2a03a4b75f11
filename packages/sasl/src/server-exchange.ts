import { decodeBase64 } from './base64.ts'
import type { TokenRefusal } from './bearer.ts'
import {
  type ChannelBinding,
  failed,
  type MechanismRun,
  type SaslStep,
  type ServerMechanism,
} from './exchange.ts'

/** RFC 4954 §4: 12,288 octets of base64 in a line at least; tickets and tokens come near it. */
export const maxResponseBytes = 12_288
/** No mechanism in use asks more often. */
const maxMessages = 16

/**
 * An exchange as the line protocols carry it: base64, `*` to cancel, `=` for an empty initial response
 * (RFC 4422 §3, RFC 4954 §4, RFC 5034 §4, RFC 9051 §6.2.2). Look at `step`; while it is a challenge, send
 * it and give the client's next line to `respond`; a lookup wants `provide`, granted credentials `confirm`,
 * refused ones `refuse`.
 */
export class ServerExchange {
  readonly mechanism: ServerMechanism
  step: SaslStep
  readonly #bindings: readonly ChannelBinding[]
  readonly #limitBytes: number
  #run: MechanismRun | undefined
  #messages = 0
  #confirmed = false
  #refused = false

  /**
   * @param initial the initial response as it stood on the command line, undefined when there was none.
   * @param limitBytes of base64 in one response. Postfix: smtpd_sasl_response_limit.
   */
  constructor(
    mechanism: ServerMechanism,
    initial?: Uint8Array,
    bindings: readonly ChannelBinding[] = [],
    limitBytes = maxResponseBytes,
  ) {
    this.mechanism = mechanism
    this.#bindings = bindings
    this.#limitBytes = limitBytes
    if (initial === undefined) this.step = this.#begin(undefined)
    else if (initial.length === 1 && initial[0] === 61) this.step = this.#begin(Buffer.alloc(0))
    else if (initial.length === 0) this.step = failed('bad-base64', 'empty initial response')
    else {
      const decoded = this.#decode(initial)
      this.step = Buffer.isBuffer(decoded) ? this.#begin(decoded) : decoded
    }
  }

  /** The challenge in base64, ready to be sent after `+ ` or `334 `; '' when there is none. */
  get challenge(): string {
    return this.step.kind === 'challenge' ? this.step.data.toString('base64') : ''
  }

  /** The client's next line, without its ending. */
  respond(line: Uint8Array): SaslStep {
    if (this.step.kind !== 'challenge' || this.#run === undefined) return this.step
    if (++this.#messages > maxMessages) this.step = failed('malformed', 'too many messages')
    else if (line.length === 1 && line[0] === 42) this.step = failed('cancelled', 'cancelled by the client')
    else {
      const decoded = this.#decode(line)
      this.step = Buffer.isBuffer(decoded) ? this.#answer(this.#run, decoded) : decoded
    }
    return this.step
  }

  /** Answers `lookup`. RFC 5802 §5: what is kept for the user, or what looks like it. */
  provide(verifier: string): SaslStep {
    if (this.step.kind === 'lookup' && this.#run?.provide !== undefined)
      this.step = this.#run.provide(verifier)
    return this.step
  }

  /** The login is granted: what is left to tell the client, or `done`. */
  confirm(): SaslStep {
    if (this.step.kind !== 'credentials') return this.step
    const { final } = this.step
    this.#confirmed = true
    this.step = final === undefined ? { kind: 'done' } : { kind: 'challenge', data: final }
    return this.step
  }

  /** RFC 7628 §3.2.3: the client hears why, answers something, and then has failed. */
  refuse(refusal: TokenRefusal): SaslStep {
    if (this.step.kind !== 'credentials') return this.step
    const data = this.#run?.refuse?.(refusal)
    this.#refused = true
    this.step = data === undefined ? refused : { kind: 'challenge', data }
    return this.step
  }

  /** RFC 4954 §4: a server's last word goes as a challenge, and the client answers with an empty line. */
  #answer(run: MechanismRun, message: Buffer): SaslStep {
    if (this.#refused) return refused
    if (!this.#confirmed) return run.respond(message)
    return message.length === 0 ? { kind: 'done' } : failed('malformed', 'expected an empty response')
  }

  #begin(initial: Buffer | undefined): SaslStep {
    const { run, step } = this.mechanism.begin(initial, this.#bindings)
    this.#run = run
    return step
  }

  #decode(line: Uint8Array): Buffer | SaslStep {
    if (line.length > this.#limitBytes) return failed('too-long', 'response too long')
    return decodeBase64(line) ?? failed('bad-base64', 'invalid base64')
  }
}

const refused = failed('refused', 'authentication failure')
