import { command, ok } from './command.ts'

/** RFC 9051 §6.3.6. */
export const rename = command({
  name: 'RENAME',
  states: ['authenticated', 'selected'],
  numbers: 'none',
  args: (p) => ({ from: p.sp().mailbox(), to: p.sp().mailbox() }),
  async run(session, { from, to }) {
    await session.store.mailboxes.rename(session.account.id, from, to)
    return ok('Rename completed')
  },
})
