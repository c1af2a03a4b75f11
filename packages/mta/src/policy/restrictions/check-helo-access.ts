import { lookupDomain } from '../../tables/index.ts'
import { heloSubject } from '../request.ts'
import { restriction } from '../restriction.ts'
import { dunno } from '../verdict.ts'

/** access(5) by the HELO name and its parents. */
export const checkHeloAccess = restriction({
  names: ['check_helo_access'],
  argument: 'table',
  about: heloSubject,
  make(parts, spec) {
    const table = parts.tables.open(spec)
    return (request, _subject, depth) => {
      if (request.helo === '') return dunno
      const action = lookupDomain(table, request.helo, parts)
      return action === undefined
        ? dunno
        : parts.act(action, table, request.helo, heloSubject(request), request, depth)
    }
  },
})
