import type { Answer } from '@posthorn/smtp'
import { answered, LookupFailed, LookupWaits } from '../tables/index.ts'
import { refusalOf } from './reply-text.ts'
import type { Subject } from './request.ts'
import type { PolicyParts } from './restriction.ts'
import type { Verdict } from './verdict.ts'

/** Tables that are asked over a network may have to be waited for; one without an answer is `failed`. */
export function patient(
  work: () => Answer<Verdict>,
  failed: (error: LookupFailed) => Verdict,
): Answer<Verdict> {
  try {
    const answer = work()
    return answer instanceof Promise
      ? answer.catch((error: unknown) => workAgain(work, failed, error))
      : answer
  } catch (error) {
    if (error instanceof LookupFailed) return failed(error)
    return workAgain(work, failed, error)
  }
}

async function workAgain(
  work: () => Answer<Verdict>,
  failed: (error: LookupFailed) => Verdict,
  error: unknown,
): Promise<Verdict> {
  try {
    if (!(error instanceof LookupWaits)) throw error
    return await answered(work)
  } catch (failure) {
    if (failure instanceof LookupFailed) return failed(failure)
    throw failure
  }
}

type Failure = (parts: Pick<PolicyParts, 'log'>, subject: Subject, error: LookupFailed) => Verdict

/** An access table. Postfix: check_table_result() of a table in error. */
export const tableFailure: Failure = ({ log }, subject, error) => {
  log({ level: 'warning', service: 'smtpd', text: error.message })
  return { kind: 'refuse', refusal: refusalOf(subject, 451, '4.3.5', 'Server configuration error') }
}

/** Any other. Postfix: reject_dict_retry(). */
export const lookupFailure: Failure = ({ log }, { name }, error) => {
  log({ level: 'warning', service: 'smtpd', text: error.message })
  const text = `<${name}>: Temporary lookup failure`
  return { kind: 'refuse', refusal: { code: 451, status: '4.3.0', text } }
}
