import type { Log } from '@posthorn/mail'
import type { Answer, SmtpReply, SmtpSession } from '@posthorn/smtp'
import {
  type Policy,
  type PolicyCommand,
  type PolicyRequest,
  policyLogText,
  refusalText,
} from '../policy/index.ts'
import { after } from './answer.ts'
import type { ReceiveConfiguration } from './receive-options.ts'
import { replyOf } from './refusals.ts'
import { type SessionState, sessionRequest } from './session-state.ts'

export interface SessionQuestionsInput {
  readonly configuration: () => ReceiveConfiguration
  readonly log: Log
  readonly stateOf: (session: SmtpSession) => SessionState
}

/** What the policy is asked about a session outside of its transactions. */
export class SessionQuestions {
  readonly #input: SessionQuestionsInput

  constructor(input: SessionQuestionsInput) {
    this.#input = input
  }

  /** undefined: go on. */
  ask(
    command: PolicyCommand,
    said: string,
    session: SmtpSession,
    about: Partial<Pick<PolicyRequest, 'etrnDomain' | 'sender' | 'recipient'>> = {},
  ): Answer<SmtpReply | undefined> {
    const policy = policyFor(this.#input.configuration(), session)
    if (!policy.asks(command)) return undefined
    const request = { ...this.request(session, said), ...about }
    return after(policy.ask(command, request), ({ refusal }) => {
      if (refusal === undefined) return undefined
      const text = policyLogText('reject', request, refusalText(refusal))
      this.#input.log({ level: 'info', service: 'smtpd', text, queueId: 'NOQUEUE' })
      return replyOf(refusal)
    })
  }

  request(session: SmtpSession, said: string): PolicyRequest {
    return {
      ...sessionRequest(session, this.#input.stateOf(session), said),
      sender: undefined,
      recipient: undefined,
      recipientCount: 0,
      sizeBytes: undefined,
      queueId: '',
    }
  }
}

export function policyFor(configuration: ReceiveConfiguration, session: SmtpSession): Policy {
  const isSubmission = session.service === 'submission' || session.service === 'submissions'
  return isSubmission ? (configuration.submissionPolicy ?? configuration.policy) : configuration.policy
}
