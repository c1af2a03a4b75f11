import { lookupAccessAddress } from '../../tables/index.ts'
import { recipientSubject } from '../request.ts'
import { restriction } from '../restriction.ts'
import { dunno } from '../verdict.ts'

/** access(5) by the recipient. */
export const checkRecipientAccess = restriction({
  names: ['check_recipient_access'],
  argument: 'table',
  make(parts, spec) {
    const table = parts.tables.open(spec)
    return (request, _subject, depth) => {
      const { recipient } = request
      if (recipient === undefined) return dunno
      const action = lookupAccessAddress(
        table,
        parts.addresses.complete(recipient),
        parts.recipientDelimiter,
        parts,
      )
      return action === undefined
        ? dunno
        : parts.act(action, table, recipient, recipientSubject(request), request, depth)
    }
  },
})
