import { decodeBase64 } from './base64.ts'
import { failed, type MechanismRun, type SaslStep, type ServerMechanism } from './exchange.ts'

/** RFC 4954 §4: 12,288 octets of base64 in a line at least; tickets and tokens come near it. */
export const maxResponseBytes = 12_288
/** No mechanism in use asks more often. */
const maxMessages = 16

/**
 * An exchange as the line protocols carry it: base64, `*` to cancel, `=` for an empty initial response
 * (RFC 4422 §3, RFC 4954 §4, RFC 5034 §4, RFC 9051 §6.2.2). Look at `step`; while it is a challenge, send
 * it and give the client's next line to `respond`.
 */
export class ServerExchange {
  readonly mechanism: ServerMechanism
  step: SaslStep
  #run: MechanismRun | undefined
  #messages = 0

  /** @param initial the initial response as it stood on the command line, undefined when there was none. */
  constructor(mechanism: ServerMechanism, initial?: Uint8Array) {
    this.mechanism = mechanism
    if (initial === undefined) this.step = this.#begin(undefined)
    else if (initial.length === 1 && initial[0] === 61) this.step = this.#begin(Buffer.alloc(0))
    else if (initial.length === 0) this.step = failed('bad-base64', 'empty initial response')
    else {
      const decoded = decodeLine(initial)
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
      const decoded = decodeLine(line)
      this.step = Buffer.isBuffer(decoded) ? this.#run.respond(decoded) : decoded
    }
    return this.step
  }

  #begin(initial: Buffer | undefined): SaslStep {
    const { run, step } = this.mechanism.begin(initial)
    this.#run = run
    return step
  }
}

function decodeLine(line: Uint8Array): Buffer | SaslStep {
  if (line.length > maxResponseBytes) return failed('too-long', 'response too long')
  return decodeBase64(line) ?? failed('bad-base64', 'invalid base64')
}
