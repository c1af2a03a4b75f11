import type { Shell } from '../shell.ts'
import { showQueue } from './postqueue.ts'
import { refuseRecipients, sendmailOptions } from './sendmail-options.ts'

/** Lists the queue; takes sendmail's options. Postfix: mailq(1). */
export async function mailq(args: readonly string[], shell: Shell): Promise<number> {
  const options = sendmailOptions(args, 'mailq', shell)
  // Whoever only looks waits for no more than the looking needs.
  if (['b', 'I', 'q'].some((flag) => options.has(flag)))
    return (await import('./sendmail.ts')).runSendmail(options, shell, 'p')
  refuseRecipients('p', options)
  return showQueue(shell, { config: options.value('C') }, 'columns')
}
