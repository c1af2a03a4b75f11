import { command, ok } from './command.ts'

/** RFC 8437: as if just connected, TLS kept. */
export const unauthenticate = command({
  name: 'UNAUTHENTICATE',
  states: ['authenticated', 'selected'],
  numbers: 'none',
  capabilities: ['UNAUTHENTICATE'],
  args: () => undefined,
  run(session) {
    session.unauthenticate()
    return ok('Unauthenticate completed', session.capabilities())
  },
})
