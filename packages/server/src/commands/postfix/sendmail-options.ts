import { getopt, type Options } from '../getopt.ts'

/** Postfix: sendmail(1). What is not used is accepted: a hundred programs call it with their own habits. */
export const sendmailLetters = 'A:B:C:F:GIL:N:O:R:UV:X:b:ce:f:h:imno:p:r:q:tvx'

const usage = 'sendmail [options] [recipients]'

/** `-q` alone runs the queue; only with something attached has it an argument. */
export function sendmailOptions(args: readonly string[]): Options {
  const end = args.indexOf('--')
  const words = args.map((word, i) => (word === '-q' && (end === -1 || i < end) ? '-q0' : word))
  return getopt(words, sendmailLetters, usage)
}
