import { type Attempt, actionOf } from './attempt.ts'

/** What was said of a recipient, `5.7.1 text` → what is said instead. Postfix: default_delivery_status_filter. */
export type StatusFilter = (said: string) => string | undefined

/**
 * A refusal may become another kind of refusal, and a success stays one; undefined: all is as it was. Postfix:
 * smtp_delivery_status_filter, local_delivery_status_filter and their kind.
 */
export const filterStatus = (
  status: string,
  said: string,
  filter: StatusFilter | undefined,
): { readonly status: string; readonly text: string } | undefined => {
  const found = filter?.(`${status} ${said}`)
  const match = found === undefined ? null : /^([245]\.\d{1,3}\.\d{1,3})[ \t]+(.*)$/.exec(found)
  if (match === null) return undefined
  const [, other = '', text = ''] = match
  return status.startsWith('2') === other.startsWith('2') ? { status: other, text } : undefined
}

/** What came of a recipient under another status or in other words. */
export const filteredStatus = (attempt: Attempt, filter: StatusFilter | undefined): Attempt => {
  const { result } = attempt
  const found = filterStatus(result.status, attempt.said, filter)
  if (found === undefined) return attempt
  const { status, text } = found
  const action = status.startsWith('2') ? result.action : actionOf(status)
  return { ...attempt, said: text, result: { ...result, status, action, said: text } }
}
