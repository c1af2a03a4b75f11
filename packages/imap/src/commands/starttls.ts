import { command, no } from './command.ts'

/** RFC 9051 §6.2.1. */
export const starttls = command({
  name: 'STARTTLS',
  states: ['not-authenticated'],
  numbers: 'none',
  early: ({ state, startTls, secure }) =>
    state === 'not-authenticated' && startTls && !secure ? ['STARTTLS'] : [],
  args: () => undefined,
  async run(session) {
    const { credentials } = session.services.options()
    if (session.client.secure !== undefined) return no('TLS is already active', 'CLIENTBUG')
    if (credentials === undefined) return no('TLS is not configured', 'UNAVAILABLE')
    await session.startTls(credentials)
    return undefined
  },
})
