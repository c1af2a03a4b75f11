import { isDeepStrictEqual } from 'node:util'
import type { Log } from '@posthorn/mail'
import type { MailFrom, SmtpReply, SmtpSession } from '@posthorn/smtp'
import type { QueueId } from '@posthorn/storage'
import {
  type Effect,
  type PolicyOutcome,
  type PolicyRequest,
  policyLogText,
  type Refusal,
  refusalText,
} from '../policy/index.ts'
import type { GuardVerdict } from './milter-guard.ts'
import { type SessionState, sessionRequest } from './session-state.ts'

/** What policy and filters have said of one message so far: effects that are kept, refusals that are logged. */
export class MailVerdicts {
  /** '' before the first accepted recipient. */
  queueId: QueueId | '' = ''
  readonly #session: SmtpSession
  readonly #state: SessionState
  readonly #from: MailFrom
  readonly #log: Log
  #effects: Effect[] = []

  constructor(session: SmtpSession, state: SessionState, from: MailFrom, log: Log) {
    this.#session = session
    this.#state = state
    this.#from = from
    this.#log = log
  }

  get effects(): readonly Effect[] {
    return this.#effects
  }

  has(kind: Effect['kind']): boolean {
    return this.#effects.some((effect) => effect.kind === kind)
  }

  request(command: string, recipient: string | undefined, recipientCount: number): PolicyRequest {
    return {
      ...sessionRequest(this.#session, this.#state, command),
      sender: this.#from.address,
      recipient,
      recipientCount,
      sizeBytes: this.#from.sizeBytes,
      queueId: this.queueId,
    }
  }

  /** Takes effects over, logs; the refusal if there is one. */
  judged(outcome: PolicyOutcome, request: PolicyRequest): Refusal | undefined {
    for (const effect of outcome.effects) {
      if (outcome.refusal === undefined) this.keep(effect)
      if ('text' in effect)
        this.#logPolicy(effect.kind === 'inform' ? 'info' : effect.kind, request, effect.text)
    }
    return outcome.refusal === undefined ? undefined : this.refused(outcome.refusal, request)
  }

  /** The refusal of a filter; HOLD and DISCARD are kept for the end. */
  filtered(verdict: GuardVerdict): SmtpReply | undefined {
    if (verdict !== 'hold' && verdict !== 'discard') return verdict
    this.keep({ kind: verdict, text: '' })
    return undefined
  }

  /** What was said of the first recipient that waits, unless the message's signature vouches for it. */
  get greylisted(): Refusal | undefined {
    for (const effect of this.#effects) if (effect.kind === 'greylisted') return effect.refusal
    return undefined
  }

  /** Lists that are asked at each recipient say the same thing again. */
  keep(effect: Effect): void {
    if (!this.#effects.some((one) => isDeepStrictEqual(one, effect))) this.#effects.push(effect)
  }

  refused(refusal: Refusal, request: PolicyRequest): Refusal {
    this.#logPolicy('reject', request, refusalText(refusal))
    return refusal
  }

  log(level: 'info' | 'warning' | 'error', text: string, error?: unknown, service = 'smtpd'): void {
    const queueId = this.queueId === '' ? 'NOQUEUE' : this.queueId
    this.#log(
      error === undefined ? { level, service, queueId, text } : { level, service, queueId, text, error },
    )
  }

  #logPolicy(action: string, request: PolicyRequest, said: string): void {
    this.log('info', policyLogText(action, request, said))
  }
}
