import { ok } from '../errors.ts'
import type { Transaction } from '../session/session.ts'

/** A multi-line answer with a line for each message that is not marked deleted, as one string. */
export function listMessages(
  text: string,
  { maildrop }: Transaction,
  line: (number: number) => string,
): string {
  let answer = ok(text)
  const { count, deletedCount } = maildrop
  if (deletedCount === 0) for (let number = 1; number <= count; number++) answer += line(number)
  else for (let number = 1; number <= count; number++) if (!maildrop.isDeleted(number)) answer += line(number)
  return `${answer}.\r\n`
}
