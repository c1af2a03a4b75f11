import { lookupAccessAddress } from '../../tables/index.ts'
import { recipientSubject } from '../request.ts'
import { restriction } from '../restriction.ts'
import { dunno, type Verdict } from '../verdict.ts'

/** access(5) by the recipient. */
export const checkRecipientAccess = restriction({
  names: ['check_recipient_access'],
  argument: 'table',
  about: recipientSubject,
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
      if (action === undefined) return dunno
      const verdict = parts.act(action, table, recipient, recipientSubject(request), request, depth)
      if (!parts.addresses.classify(recipient).routed) return verdict
      return verdict instanceof Promise ? verdict.then(withoutPermit) : withoutPermit(verdict)
    }
  },
})

/** `user%remote@us`: that we take mail for `us` is no leave to relay. Postfix: allow_untrusted_routing. */
function withoutPermit(verdict: Verdict): Verdict {
  return verdict.kind === 'permit' ? dunno : verdict
}
