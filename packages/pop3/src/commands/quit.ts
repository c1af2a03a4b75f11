import type { Command } from '../session/session.ts'

/** QUIT: from TRANSACTION into UPDATE, where deletions happen. RFC 1939 §5, §6. */
export const quit: Command = {
  name: 'QUIT',
  authorization: (session) => session.update(),
  transaction: (session) => session.update(),
}
