import type { Session } from '../session/session.ts'
import { command, ok } from './command.ts'

/** The news are sent with the tagged answer; here only the store is asked for certain. */
function lookAgain(session: Session): void {
  if (session.state === 'selected') session.mailbox.suspect()
}

/** RFC 9051 §6.1.2. */
export const noop = command({
  name: 'NOOP',
  states: ['not-authenticated', 'authenticated', 'selected'],
  numbers: 'none',
  args: () => undefined,
  run(session) {
    lookAgain(session)
    return ok('NOOP completed')
  },
})

/** RFC 3501 §6.4.1. */
export const check = command({
  name: 'CHECK',
  states: ['selected'],
  numbers: 'none',
  args: () => undefined,
  run(session) {
    lookAgain(session)
    return ok('Check completed')
  },
})
