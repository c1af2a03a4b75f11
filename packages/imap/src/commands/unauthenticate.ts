import { bad, command, ok } from './command.ts'

/** RFC 8437: as if just connected, TLS kept. */
export const unauthenticate = command({
  name: 'UNAUTHENTICATE',
  states: ['authenticated', 'selected'],
  numbers: 'none',
  capabilities: ['UNAUTHENTICATE'],
  args: () => undefined,
  async run(session) {
    // RFC 8437 §8: behind a proxy that looks at the login alone, whoever withholds it means it.
    if (session.withholds('UNAUTHENTICATE')) return bad('UNAUTHENTICATE is disabled here')
    session.unauthenticate()
    if (!session.compressed) return ok('Unauthenticate completed', session.capabilities())
    // RFC 8437 §4.1: compression goes with the login, its own answer is the last.
    await session.endCompression(`[${session.capabilities()}] Unauthenticate completed`)
    return undefined
  },
})
