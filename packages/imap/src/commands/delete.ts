import { Refusal } from '../errors.ts'
import { command, ok } from './command.ts'
import { permittedMailbox } from './find-mailbox.ts'
import { parentsOf } from './list-names.ts'
import { givenName, tellNormalized } from './old-name.ts'

/** RFC 9051 §6.3.5. */
export const remove = command({
  name: 'DELETE',
  states: ['authenticated', 'selected'],
  numbers: 'none',
  args: (p) => givenName(p.sp()),
  async run(session, given) {
    const { name } = given
    if (name === 'INBOX') throw new Refusal('CANNOT', "INBOX can't be deleted")
    const { mailbox } = await permittedMailbox(session, name, 'x')
    if (session.state === 'selected' && session.mailbox.id === mailbox.id) {
      session.unselect()
      session.untagged('OK [CLOSED] Selected mailbox is being deleted.')
    }
    session.notices?.ownNames(name, ...parentsOf(name))
    await session.store.mailboxes.remove(mailbox.account, mailbox.name)
    await tellNormalized(session, given)
    return ok('Delete completed')
  },
})
