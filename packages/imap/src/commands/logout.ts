import { command, ok } from './command.ts'

/** RFC 9051 §6.1.3. */
export const logout = command({
  name: 'LOGOUT',
  states: ['not-authenticated', 'authenticated', 'selected'],
  numbers: 'none',
  args: () => undefined,
  run(session) {
    session.untagged('BYE Logging out')
    session.logout()
    return ok('Logout completed')
  },
})
