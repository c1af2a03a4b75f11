import { Refusal } from '../errors.ts'
import type { SelectedSession } from '../session/session.ts'
import { type Completion, command, ok } from './command.ts'
import { noPermission } from './find-mailbox.ts'

async function remove(session: SelectedSession, uids: Uint32Array | undefined): Promise<Completion> {
  const { mailbox } = session
  if (mailbox.access === 'read-only') throw new Refusal('READ-ONLY', 'Mailbox is read-only')
  if (!mailbox.may('e')) throw noPermission()
  const gone = uids?.length === 0 ? undefined : await expunged(session, uids)
  mailbox.suspect()
  await session.sendNews('send')
  // RFC 7162 §3.2.7: with it the client may resynchronise from here.
  const changed = session.enabled('CONDSTORE') && gone !== undefined && gone.uids.length > 0
  return ok('Expunge completed', changed ? `HIGHESTMODSEQ ${mailbox.modSeq}` : undefined)
}

/** What the client asked for is done, whether it hears of it or not. The BYE ends it: what went by then is told. */
async function expunged(session: SelectedSession, uids: Uint32Array | undefined) {
  const { mailbox, stopSignal, store } = session
  try {
    return await store.messages.expunge(mailbox.id, uids, stopSignal)
  } catch (error) {
    if (stopSignal.aborted) {
      mailbox.suspect()
      await session.sendNews('send')
    }
    throw error
  }
}

/** RFC 9051 §6.4.3. */
export const expunge = command({
  name: 'EXPUNGE',
  states: ['selected'],
  numbers: 'none',
  args: () => undefined,
  run: (session) => remove(session, undefined),
})

/** RFC 4315 §2.1, RFC 9051 §6.4.9. */
export const uidExpunge = command({
  name: 'UID EXPUNGE',
  states: ['selected'],
  numbers: 'none',
  capabilities: ['UIDPLUS'],
  args: (p) => p.sp().numberSet(),
  run: (session, set) => remove(session, session.uids(set)),
})
