import { lookupDomain } from '../../tables/index.ts'
import { subjectOf } from '../request.ts'
import { restriction } from '../restriction.ts'
import { dunno } from '../verdict.ts'

/** access(5) by the domain that ETRN names (RFC 1985). */
export const checkEtrnAccess = restriction({
  names: ['check_etrn_access'],
  argument: 'table',
  about: (request) => subjectOf('etrn', request),
  make(parts, spec) {
    const table = parts.tables.open(spec)
    return (request, subject, depth) => {
      const { etrnDomain } = request
      const action = etrnDomain === undefined ? undefined : lookupDomain(table, etrnDomain, parts)
      return action === undefined
        ? dunno
        : parts.act(action, table, etrnDomain ?? '', subject, request, depth)
    }
  },
})
