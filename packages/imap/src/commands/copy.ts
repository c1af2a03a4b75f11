import type { Copied } from '@posthorn/storage'
import { formatNumbers } from '../wire/number-set.ts'
import { command, ok } from './command.ts'
import { targetMailbox } from './find-mailbox.ts'
import { flagMask } from './flag-rights.ts'

/** RFC 4315 §3; undefined when nothing was copied. */
export function copyUid({ uidValidity, from, to }: Copied): string | undefined {
  if (from.length === 0) return undefined
  return `COPYUID ${uidValidity} ${formatNumbers(from)} ${formatNumbers(to)}`
}

/** COPY and UID COPY. RFC 9051 §6.4.7, COPYUID RFC 4315 §3. All or nothing: one unit of work. */
export const copy = command({
  name: 'COPY',
  states: ['selected'],
  numbers: 'uses',
  args: (p) => ({ set: p.sp().numberSet(), name: p.sp().mailbox() }),
  async run(session, { set, name }) {
    const uids = session.uids(set)
    if (uids.length === 0) return ok('No messages found')
    const { mailbox: target, rights } = await targetMailbox(session, name)
    const { messages } = session.store
    const copied = await messages.copy(session.mailbox.id, uids, target.id, flagMask(rights))
    return copied.from.length === 0 ? ok('No messages found') : ok('Copy completed', copyUid(copied))
  },
})
