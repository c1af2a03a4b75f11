import { StoreError } from '@posthorn/storage'
import { command, ok } from './command.ts'

/** RFC 9051 §6.4.1: what is \Deleted goes, in silence; after EXAMINE nothing goes. */
export const close = command({
  name: 'CLOSE',
  states: ['selected'],
  numbers: 'none',
  args: () => undefined,
  async run(session) {
    const { mailbox } = session
    // RFC 4314 §4: who may not expunge closes all the same.
    if (mailbox.access === 'read-write' && mailbox.may('e')) {
      try {
        await session.store.messages.expunge(mailbox.id, undefined, session.stopSignal)
      } catch (error) {
        // Deleted meanwhile: then it is closed all the better.
        if (!(error instanceof StoreError && error.kind === 'no-such-mailbox')) throw error
      }
    }
    session.unselect()
    return ok('Close completed')
  },
})

/** RFC 3691, RFC 9051 §6.4.2. */
export const unselect = command({
  name: 'UNSELECT',
  states: ['selected'],
  numbers: 'none',
  capabilities: ['UNSELECT'],
  args: () => undefined,
  run(session) {
    session.unselect()
    return ok('Unselect completed')
  },
})
