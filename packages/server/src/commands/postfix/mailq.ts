import { getopt } from '../getopt.ts'
import type { Shell } from '../shell.ts'
import { showQueue } from './postqueue.ts'
import { sendmailLetters } from './sendmail-options.ts'

/** Lists the queue; takes sendmail's options. Postfix: mailq(1). */
export async function mailq(args: readonly string[], shell: Shell): Promise<number> {
  const options = getopt(args, sendmailLetters, 'mailq [options]')
  return showQueue(shell, { config: options.value('C') }, 'columns')
}
