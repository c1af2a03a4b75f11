import { command, ok } from './command.ts'
import { otherUsers } from './other-users.ts'

/** RFC 2342, RFC 9051 §6.3.10: what is one's own, and what others share. */
export const namespace = command({
  name: 'NAMESPACE',
  states: ['authenticated', 'selected'],
  numbers: 'none',
  capabilities: ['NAMESPACE'],
  args: () => undefined,
  run(session) {
    session.untagged(`NAMESPACE (("" "/")) (("${otherUsers}/" "/")) NIL`)
    return ok('Namespace completed')
  },
})
