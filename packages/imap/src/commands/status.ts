import { command, ok } from './command.ts'
import { openableMailbox } from './find-mailbox.ts'
import { statusItems, statusText } from './status-items.ts'

/** RFC 9051 §6.3.11. */
export const status = command({
  name: 'STATUS',
  states: ['authenticated', 'selected'],
  numbers: 'none',
  capabilities: ({ appendLimitBytes }) => [
    'STATUS=SIZE',
    // IANA's registry; the item is RFC 9051 §6.3.11's.
    'STATUS=DELETED',
    ...(appendLimitBytes === undefined ? [] : [`APPENDLIMIT=${appendLimitBytes}`]),
  ],
  args: (p) => ({ name: p.sp().mailbox(), items: statusItems(p) }),
  async run(session, { name, items }) {
    const { mailbox } = await openableMailbox(session, name)
    session.untagged(await statusText(session, name, mailbox, items))
    return ok('Status completed')
  },
})
