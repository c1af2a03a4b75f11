import { Refusal } from '../errors.ts'
import { command, ok } from './command.ts'

/** RFC 9051 §6.3.5. */
export const remove = command({
  name: 'DELETE',
  states: ['authenticated', 'selected'],
  numbers: 'none',
  args: (p) => p.sp().mailbox(),
  async run(session, name) {
    if (name === 'INBOX') throw new Refusal('CANNOT', "INBOX can't be deleted")
    const { mailboxes } = session.store
    const mailbox = await mailboxes.find(session.account.id, name)
    if (mailbox === undefined) throw new Refusal('NONEXISTENT', 'Mailbox does not exist')
    if (session.state === 'selected' && session.mailbox.id === mailbox.id) {
      session.unselect()
      session.untagged('OK [CLOSED] Selected mailbox is being deleted.')
    }
    await mailboxes.remove(session.account.id, name)
    return ok('Delete completed')
  },
})
