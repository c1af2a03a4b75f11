import { ok } from '../errors.ts'
import type { Command, Pop3Session } from '../session/session.ts'
import { commandTable } from './command-table.ts'

/** CAPA: computed from the table, so that it tells what is true in this state. RFC 2449 §5. */
export const capa: Command = {
  name: 'CAPA',
  authorization: answer,
  transaction: answer,
}

function answer(session: Pop3Session): string {
  const lines = [...commandTable.values()].flatMap((command) => command.capabilities?.(session) ?? [])
  return `${ok()}${[...lines, ...standing(session)].map((line) => `${line}\r\n`).join('')}.\r\n`
}

/** What holds in every state: RFC 2449 §6.4, §6.5, §6.7, §6.8, §6.9; RFC 3206 §6. */
function standing(session: Pop3Session): readonly string[] {
  const { implementation, loginDelayMs, expireDays = 'NEVER' } = session.options
  const lines = ['RESP-CODES', 'AUTH-RESP-CODE', 'PIPELINING', `EXPIRE ${expireDays}`]
  if (loginDelayMs > 0) lines.push(`LOGIN-DELAY ${Math.ceil(loginDelayMs / 1000)}`)
  return implementation === '' ? lines : [...lines, `IMPLEMENTATION ${implementation}`]
}
