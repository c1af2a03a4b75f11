import { command, ok } from './command.ts'

/** RFC 2342, RFC 9051 §6.3.10: one personal namespace. */
export const namespace = command({
  name: 'NAMESPACE',
  states: ['authenticated', 'selected'],
  numbers: 'none',
  capabilities: ['NAMESPACE'],
  args: () => undefined,
  run(session) {
    session.untagged('NAMESPACE (("" "/")) NIL NIL')
    return ok('Namespace completed')
  },
})
