import { bad, command, ok } from './command.ts'

/** RFC 2177, RFC 9051 §6.3.13. */
export const idle = command({
  name: 'IDLE',
  states: ['authenticated', 'selected'],
  numbers: 'none',
  early: ['IDLE'],
  args: () => undefined,
  async run(session) {
    const line = await session.idle()
    const done = line !== undefined && line.toString('latin1').trim().toUpperCase() === 'DONE'
    return done ? ok('Idle completed') : bad('Expected DONE.')
  },
})
