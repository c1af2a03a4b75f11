import { restriction } from '../restriction.ts'
import type { Verdict } from '../verdict.ts'
import { unlistedRecipientVerdict } from './reject-unlisted-recipient.ts'

/**
 * The built-in greylist: a stranger's first attempt waits. Best placed last, as postgrey is. Who is not here is refused
 * for good at once, and takes up no room in the list.
 */
export const greylist = restriction({
  names: ['greylist', 'check_greylist'],
  make: (parts) => {
    parts.greylist.prepare()
    return (request, subject) => {
      if (parts.unlistedRecipients === 'taken') return parts.greylist.verdict(request, subject)
      const verdict = (listed: Verdict) =>
        listed.kind === 'dunno' ? parts.greylist.verdict(request, subject) : listed
      const listed = unlistedRecipientVerdict(parts, request)
      return listed instanceof Promise ? listed.then(verdict) : verdict(listed)
    }
  },
})
