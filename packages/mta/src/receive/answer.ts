import type { Answer } from '@posthorn/smtp'

/** Goes on with an answer: at once when it is there, so that a pipelined group costs no turns of waiting. */
export function after<T, R>(answer: Answer<T>, go: (value: T) => Answer<R>): Answer<R> {
  return answer instanceof Promise ? answer.then(go) : go(answer)
}
