import { senderSubject } from '../request.ts'
import { restriction } from '../restriction.ts'
import { dunno } from '../verdict.ts'

/** access(5) by the name that logged in, whole. */
export const checkSaslAccess = restriction({
  names: ['check_sasl_access'],
  argument: 'table',
  about: senderSubject,
  make(parts, spec) {
    const table = parts.tables.open(spec)
    return (request, _subject, depth) => {
      const action = request.user === undefined ? undefined : table.lookup(request.user)
      if (action === undefined || request.user === undefined) return dunno
      return parts.act(
        action,
        table,
        request.user,
        { ...senderSubject(request), name: request.user },
        request,
        depth,
      )
    }
  },
})
