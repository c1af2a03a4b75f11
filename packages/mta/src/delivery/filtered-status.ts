import { type Attempt, actionOf } from './attempt.ts'

/**
 * Postfix: smtp_delivery_status_filter: what came of a recipient under another status or in other words; a refusal may
 * become another kind of refusal, and a success stays one.
 */
export const filteredStatus = (
  attempt: Attempt,
  filter: ((said: string) => string | undefined) | undefined,
): Attempt => {
  const { result, said } = attempt
  const found = filter?.(`${result.status} ${said}`)
  const match = found === undefined ? null : /^([245]\.\d{1,3}\.\d{1,3})[ \t]+(.*)$/.exec(found)
  const [, status = '', text = ''] = match ?? []
  const good = result.status.startsWith('2')
  if (match === null || good !== status.startsWith('2')) return attempt
  const action = good ? result.action : actionOf(status)
  return { ...attempt, said: text, result: { ...result, status, action, said: text } }
}
