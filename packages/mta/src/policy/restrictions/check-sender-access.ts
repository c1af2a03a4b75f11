import { lookupAccessAddress } from '../../tables/index.ts'
import { senderSubject } from '../request.ts'
import { restriction } from '../restriction.ts'
import { dunno } from '../verdict.ts'

/** access(5) by the sender. */
export const checkSenderAccess = restriction({
  names: ['check_sender_access'],
  argument: 'table',
  about: senderSubject,
  make(parts, spec) {
    const table = parts.tables.open(spec)
    const { nullSenderKey } = parts
    return (request, _subject, depth) => {
      const { sender } = request
      if (sender === undefined) return dunno
      const action =
        sender === ''
          ? table.lookup(nullSenderKey)
          : lookupAccessAddress(table, parts.addresses.complete(sender), parts.recipientDelimiter, parts)
      if (action === undefined) return dunno
      return parts.act(
        action,
        table,
        sender === '' ? nullSenderKey : sender,
        senderSubject(request),
        request,
        depth,
      )
    }
  },
})
