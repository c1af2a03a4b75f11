import {
  closing,
  discard,
  goOn,
  hold,
  type MilterAnswer,
  misconfigured,
  parseReplyCode,
  rejected,
  tempfailed,
  unavailable,
} from './milter-answer.ts'
import { type MacroValues, MilterConnection, MilterFailure } from './milter-connection.ts'
import type { MilterContent } from './milter-content.ts'
import { type MilterEdits, sendMessage } from './milter-message.ts'
import type { MilterOptions } from './milter-options.ts'
import type { MilterSpec } from './milter-spec.ts'
import { type MacroStage, type MilterEvent, steps } from './wire/constants.ts'
import type { MilterReply } from './wire/reply.ts'
import { encodeConnect, encodeData, encodeHelo, encodePath, encodeUnknown } from './wire/requests.ts'

type State =
  | { readonly kind: 'closed' }
  | { readonly kind: 'ready'; readonly connection: MilterConnection }
  /** Wants to hear nothing more of this message. */
  | { readonly kind: 'satisfied'; readonly connection: MilterConnection }
  /** Says the same to everything from now on: it accepted or refused the client, or is broken. */
  | { readonly kind: 'settled'; readonly answer: MilterAnswer }

export interface MilterClient {
  readonly name: string
  readonly address: string
  readonly port: number
}

/**
 * One filter in one SMTP session. A filter that fails does what its default action says; what rejects here is a
 * fault of ours.
 */
export class Milter {
  readonly #spec: MilterSpec
  readonly #options: MilterOptions
  readonly #warn: (text: string) => void
  #state: State = { kind: 'closed' }

  constructor(spec: MilterSpec, options: MilterOptions, warn: (text: string) => void) {
    this.#spec = spec
    this.#options = options
    this.#warn = warn
  }

  async connect(client: MilterClient, macros: MacroValues): Promise<MilterAnswer> {
    try {
      const connection = await MilterConnection.open(this.#spec, this.#options)
      // The client has gone meanwhile.
      if (this.#state.kind === 'settled') {
        connection.quit()
        return this.#state.answer
      }
      this.#state = { kind: 'ready', connection }
    } catch (error) {
      return this.#failed(error)
    }
    return this.#event('connect', encodeConnect(client.name, client.address, client.port), 'connect', macros)
  }

  helo(name: string, macros: MacroValues): Promise<MilterAnswer> {
    return this.#event('helo', encodeHelo(name), 'helo', macros)
  }

  mail(address: string, parameters: readonly string[], macros: MacroValues): Promise<MilterAnswer> {
    return this.#event('mail', encodePath('M', address, parameters), 'mail', macros)
  }

  rcpt(address: string, parameters: readonly string[], macros: MacroValues): Promise<MilterAnswer> {
    return this.#event('rcpt', encodePath('R', address, parameters), 'rcpt', macros)
  }

  /** A recipient that is refused already: only for filters that asked for it (SMFIP_RCPT_REJ). */
  async rejectedRcpt(address: string, parameters: readonly string[], macros: MacroValues): Promise<void> {
    if (this.#state.kind !== 'ready' || (this.#state.connection.steps & steps.rejectedRecipients) === 0)
      return
    await this.#event('rcpt', encodePath('R', address, parameters), 'rcpt', macros)
  }

  data(macros: MacroValues): Promise<MilterAnswer> {
    return this.#event('data', encodeData(), 'data', macros)
  }

  unknown(line: string, macros: MacroValues): Promise<MilterAnswer> {
    return this.#event('unknown', encodeUnknown(line), 'unknown', macros)
  }

  /** The whole message; what the filter changes is changed in `content` and told to `edits`. */
  async message(content: MilterContent, edits: MilterEdits, macros: MacroValues): Promise<MilterAnswer> {
    const state = this.#state
    if (state.kind !== 'ready') return state.kind === 'settled' ? state.answer : goOn
    try {
      const { contentTimeoutMs } = this.#spec.settings
      const end = await sendMessage(state.connection, content, edits, { macros, contentTimeoutMs })
      if (end.reply === undefined) return end.quarantined ? hold : goOn
      const answer = this.#answerTo(end.reply, 'endOfBody', state.connection)
      return answer.kind === 'go-on' && end.quarantined ? hold : answer
    } catch (error) {
      return this.#failed(error)
    }
  }

  abort(): void {
    const state = this.#state
    if (state.kind !== 'ready' && state.kind !== 'satisfied') return
    state.connection.abort()
    this.#state = { kind: 'ready', connection: state.connection }
  }

  quit(): void {
    const state = this.#state
    if (state.kind === 'ready' || state.kind === 'satisfied') state.connection.quit()
    if (state.kind !== 'settled') this.#state = { kind: 'settled', answer: goOn }
  }

  async #event(
    event: MilterEvent,
    frame: Buffer,
    stage: MacroStage,
    values: MacroValues,
  ): Promise<MilterAnswer> {
    const state = this.#state
    if (state.kind === 'settled') return state.answer
    if (state.kind !== 'ready' || !state.connection.wants(event)) return goOn
    try {
      const timeoutMs = this.#spec.settings.commandTimeoutMs
      const reply = await state.connection.tell(event, frame, timeoutMs, { stage, values })
      return reply === undefined ? goOn : this.#answerTo(reply, event, state.connection)
    } catch (error) {
      return this.#failed(error)
    }
  }

  #answerTo(reply: MilterReply, event: MilterEvent, connection: MilterConnection): MilterAnswer {
    const ofClient = event === 'connect' || event === 'helo'
    /** Said to the client once and for all. */
    const final = (answer: MilterAnswer): MilterAnswer =>
      ofClient ? this.#settle(answer, connection) : answer
    switch (reply.kind) {
      case 'continue':
        return goOn
      case 'accept':
        if (ofClient) return this.#settle(goOn, connection)
        this.#state = { kind: 'satisfied', connection }
        return goOn
      case 'reject':
        return final(rejected)
      case 'tempfail':
        return final(tempfailed)
      case 'discard':
        if (ofClient) break
        this.#state = { kind: 'satisfied', connection }
        return discard
      case 'shutdown':
        return this.#settle(closing, connection)
      case 'reply-code': {
        const answer = parseReplyCode(reply.text)
        if (answer !== undefined) return final(answer)
        this.#warn(`milter ${this.#spec.name}: malformed reply: ${JSON.stringify(reply.text.slice(0, 200))}`)
        return this.#settle(this.#whenMisconfigured(), connection)
      }
      default:
        break
    }
    const name = reply.kind === 'unknown' ? 'unknown filter reply' : reply.kind
    this.#warn(`milter ${this.#spec.name}: unexpected filter response (${name}) after event ${event}`)
    return this.#settle(this.#default(), connection)
  }

  #settle(answer: MilterAnswer, connection: MilterConnection): MilterAnswer {
    connection.quit()
    this.#state = { kind: 'settled', answer }
    return answer
  }

  #failed(error: unknown): MilterAnswer {
    const state = this.#state
    if (state.kind === 'ready' || state.kind === 'satisfied') state.connection.destroy()
    this.#warn(error instanceof Error ? error.message : String(error))
    const answer = this.#default()
    this.#state = { kind: 'settled', answer }
    if (!(error instanceof MilterFailure)) throw error
    return answer
  }

  /** Postfix: milter8_comm_error(). */
  #default(): MilterAnswer {
    switch (this.#spec.settings.defaultAction) {
      case 'accept':
        return goOn
      case 'reject':
        return unavailable
      case 'tempfail':
        return tempfailed
      case 'quarantine':
        return hold
      case 'shutdown':
        return closing
    }
  }

  /** Postfix: milter8_conf_error(). */
  #whenMisconfigured(): MilterAnswer {
    const { defaultAction } = this.#spec.settings
    if (defaultAction === 'accept') return goOn
    return defaultAction === 'quarantine' ? hold : misconfigured
  }
}
