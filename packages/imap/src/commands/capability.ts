import { command, ok } from './command.ts'

/** RFC 9051 §6.1.1. */
export const capability = command({
  name: 'CAPABILITY',
  states: ['not-authenticated', 'authenticated', 'selected'],
  numbers: 'none',
  args: () => undefined,
  run(session) {
    session.untagged(session.capabilities())
    return ok(
      session.state === 'not-authenticated'
        ? 'Pre-login capabilities listed, post-login capabilities have more.'
        : 'Capability completed',
    )
  },
})
