import type { RecipientOutcome, SmtpFailure } from '@posthorn/smtp'
import { type Attempt, actionOf } from './attempt.ts'

export const sent = (status: string) => ({ action: 'relayed' as const, status })
export const refusal = ({ status }: SmtpFailure) => ({ action: actionOf(status), status })

/** RFC 3464 §2.3.6: the other server's own words are of type smtp. */
export const quoting = (attempt: Attempt, words: string): Attempt => ({
  ...attempt,
  result: {
    ...attempt.result,
    diagnostic: words,
    diagnosticType: 'smtp',
    said: attempt.result.action === 'relayed' ? `delivery via ${attempt.relay}: ${words}` : attempt.said,
  },
})

const endOfData = 'sending end of data'

/** The server had gone before it could have taken anything. */
export const isStale = ({ kind, text, reply }: SmtpFailure): boolean =>
  (kind === 'lost' && !text.includes(endOfData)) || reply?.code === 421

export const isUncertain = (outcome: RecipientOutcome): boolean =>
  outcome.kind === 'refused' &&
  (outcome.failure.kind === 'lost' || outcome.failure.kind === 'timeout') &&
  outcome.failure.text.includes(endOfData)
