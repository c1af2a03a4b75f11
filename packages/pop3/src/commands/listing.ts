import { ok } from '../errors.ts'
import type { Transaction } from '../session/session.ts'

/** A multi-line answer with a line for each message that is not marked deleted, as one string. */
export function listMessages(
  text: string,
  { maildrop }: Transaction,
  line: (number: number) => string,
): string {
  let answer = ok(text)
  for (let number = 1; number <= maildrop.count; number++)
    if (!maildrop.isDeleted(number)) answer += line(number)
  return `${answer}.\r\n`
}
