import type { Copied, MailboxId, Rights } from '@posthorn/storage'
import type { SelectedSession } from '../session/session.ts'
import { formatNumbers } from '../wire/number-set.ts'
import { begun, type Completion, command, no, ok } from './command.ts'
import { targetMailbox } from './find-mailbox.ts'
import { flagMask } from './flag-rights.ts'

/** RFC 4315 §3; undefined when nothing was copied, and where the user may put messages but not look. */
export function copyUid({ uidValidity, from, to }: Copied, rights: Rights): string | undefined {
  if (from.length === 0 || !rights.includes('r')) return undefined
  return `COPYUID ${uidValidity} ${formatNumbers(from)} ${formatNumbers(to)}`
}

/** RFC 5465 §5.2: the client knows what it put there itself. */
export async function keepOwnFromNews(
  { notices, store }: SelectedSession,
  target: MailboxId,
  { to }: Copied,
): Promise<void> {
  if (!notices?.follows(target)) return
  for await (const { modSeqs } of store.messages.fetch(target, to, {}))
    for (const modSeq of modSeqs) notices.ownChange(target, modSeq)
}

/** Numbers of messages that others expunged (RFC 2180 §4.4) are an error, UIDs of nothing are none (RFC 9051 §6.4.9). */
export const nothingFound = (session: SelectedSession): Completion =>
  session.numbering === 'sequence'
    ? no('Some of the messages no longer exist', 'EXPUNGEISSUED')
    : ok('No messages found')

/** COPY and UID COPY. RFC 9051 §6.4.7, COPYUID RFC 4315 §3. All or nothing: one unit of work. */
export const copy = command({
  name: 'COPY',
  states: ['selected'],
  numbers: 'uses',
  args: (p) => ({ set: p.sp().numberSet(), name: p.sp().mailbox() }),
  begins: 'early',
  async run(session, { set, name }) {
    const uids = session.uids(set)
    if (uids.length === 0) return ok('No messages found')
    const { mailbox: target, rights } = await targetMailbox(session, name)
    const { messages } = session.store
    const { id } = session.mailbox
    const copying = messages.copy(id, uids, target.id, flagMask(rights), session.signal)
    // What comes into the selected mailbox is told before numbers are used again.
    const lets = uids.length <= oneUnitMessages && target.id !== id ? 'any' : 'none'
    return begun(copying, lets, async (copied) => {
      await keepOwnFromNews(session, target.id, copied)
      return copied.from.length === 0 ? nothingFound(session) : ok('Copy completed', copyUid(copied, rights))
    })
  },
})

/** Fewer than this are always one unit of work. */
const oneUnitMessages = 256
