import { command, ok } from './command.ts'
import { givenName, listResponse } from './old-name.ts'

/** RFC 9051 §6.3.6. */
export const rename = command({
  name: 'RENAME',
  states: ['authenticated', 'selected'],
  numbers: 'none',
  args: (p) => ({ from: givenName(p.sp()), to: givenName(p.sp()) }),
  async run(session, { from, to }) {
    await session.store.mailboxes.rename(session.account.id, from.name, to.name)
    // RFC 9051 §6.3.6.
    if (session.enabled('IMAP4rev2') && (from.asGiven !== from.name || to.asGiven !== to.name))
      await session.write(await listResponse(session, to.name, from.asGiven))
    return ok('Rename completed')
  },
})
