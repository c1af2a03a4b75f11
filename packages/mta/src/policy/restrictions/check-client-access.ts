import { lookupDomain, lookupIpAddress } from '../../tables/index.ts'
import { clientSubject } from '../request.ts'
import { restriction } from '../restriction.ts'
import { dunno } from '../verdict.ts'

/** access(5) by the client's verified name and its parents, then by its address and networks. */
export const checkClientAccess = restriction({
  names: ['check_client_access'],
  argument: 'table',
  about: clientSubject,
  make(parts, spec) {
    const table = parts.tables.open(spec)
    return (request, _subject, depth) => {
      const { name, address } = request.client
      const action =
        (name.name === 'unknown' ? table.lookup('unknown') : lookupDomain(table, name.name, parts)) ??
        lookupIpAddress(table, address)
      return action === undefined
        ? dunno
        : parts.act(action, table, address, clientSubject(request), request, depth)
    }
  },
})
