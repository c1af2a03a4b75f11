import type { Environment } from '../kv/environment.ts'
import { Snapshot } from '../kv/unit.ts'
import { type MailboxState, mailboxStatesFrom } from '../rows/mailbox-row.ts'
import { workTurns } from '../work-turns.ts'

/** So many rows take a millisecond or two. */
const pageRows = 1_000

/**
 * All mailboxes, in turns of the event loop: a large site has 600,000. What comes into one meanwhile, watchers tell.
 * @throws StoreError 'corrupt'; the signal's reason
 */
export async function* everyMailbox(
  environment: Environment,
  signal: AbortSignal,
): AsyncGenerator<readonly { readonly id: number; readonly state: MailboxState }[]> {
  for (let from = 0; ; ) {
    signal.throwIfAborted()
    const page = [...mailboxStatesFrom(new Snapshot(environment), from, pageRows)]
    const last = page.at(-1)
    if (last !== undefined) yield page
    if (last === undefined || page.length < pageRows) return
    from = last.id + 1
    if (workTurns.isOver) await workTurns.next()
  }
}
