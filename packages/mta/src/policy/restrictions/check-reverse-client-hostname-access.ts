import { lookupDomain, lookupIpAddress } from '../../tables/index.ts'
import { clientSubject } from '../request.ts'
import { restriction } from '../restriction.ts'
import { dunno } from '../verdict.ts'

/** access(5) by the client's unverified reverse name, then by its address. */
export const checkReverseClientHostnameAccess = restriction({
  names: ['check_reverse_client_hostname_access'],
  argument: 'table',
  about: clientSubject,
  make(parts, spec) {
    const table = parts.tables.open(spec)
    return (request, _subject, depth) => {
      const { name, address } = request.client
      const action = lookupDomain(table, name.reverseName, parts) ?? lookupIpAddress(table, address)
      return action === undefined
        ? dunno
        : parts.act(
            action,
            table,
            address,
            { name: name.reverseName, class: 'Unverified Client host' },
            request,
            depth,
          )
    }
  },
})
