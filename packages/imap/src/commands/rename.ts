import { Refusal } from '../errors.ts'
import { command, ok } from './command.ts'
import { placeForNew } from './create.ts'
import { permittedMailbox } from './find-mailbox.ts'
import { parentsOf } from './list-names.ts'
import { givenName, listResponse } from './old-name.ts'

/** RFC 9051 §6.3.6; RFC 4314 §4: "x" on the mailbox, "k" on the new parent. */
export const rename = command({
  name: 'RENAME',
  states: ['authenticated', 'selected'],
  numbers: 'none',
  args: (p) => ({ from: givenName(p.sp()), to: givenName(p.sp()) }),
  async run(session, { from, to }) {
    const { mailbox } = await permittedMailbox(session, from.name, 'x')
    const place = await placeForNew(session, to.name)
    if (place.owner !== mailbox.account)
      throw new Refusal('CANNOT', 'A mailbox cannot be renamed to one of another user')
    for (const { name } of [from, to]) session.notices?.ownNames(name, ...parentsOf(name))
    await session.store.mailboxes.rename(mailbox.account, mailbox.name, place.name)
    // RFC 9051 §6.3.6.
    if (session.enabled('IMAP4rev2') && (from.asGiven !== from.name || to.asGiven !== to.name))
      await session.write(await listResponse(session, to.name, from.asGiven))
    return ok('Rename completed')
  },
})
