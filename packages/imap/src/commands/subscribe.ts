import { command, ok } from './command.ts'
import { permittedMailbox } from './find-mailbox.ts'

/** RFC 9051 §6.3.7: a name need not exist later, but it has to exist now, as at Dovecot. */
export const subscribe = command({
  name: 'SUBSCRIBE',
  states: ['authenticated', 'selected'],
  numbers: 'none',
  args: (p) => p.sp().mailbox(),
  async run(session, name) {
    await permittedMailbox(session, name, 'l')
    session.notices?.ownNames(name)
    await session.store.mailboxes.subscribe(session.account.id, name, 'subscribed')
    return ok('Subscribe completed')
  },
})

/** RFC 9051 §6.3.8. */
export const unsubscribe = command({
  name: 'UNSUBSCRIBE',
  states: ['authenticated', 'selected'],
  numbers: 'none',
  args: (p) => p.sp().mailbox(),
  async run(session, name) {
    session.notices?.ownNames(name)
    await session.store.mailboxes.subscribe(session.account.id, name, 'unsubscribed')
    return ok('Unsubscribe completed')
  },
})
