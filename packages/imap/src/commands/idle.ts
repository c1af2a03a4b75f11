import { command } from './command.ts'

/** RFC 2177, RFC 9051 §6.3.13. The session answers when the client's next line has come. */
export const idle = command({
  name: 'IDLE',
  states: ['authenticated', 'selected'],
  numbers: 'none',
  early: ['IDLE'],
  args: () => undefined,
  async run(session) {
    await session.startIdle()
    return undefined
  },
})
