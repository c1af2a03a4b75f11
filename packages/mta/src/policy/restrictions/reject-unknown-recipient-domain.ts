import { unknownDomainVerdict } from '../domain-exists.ts'
import { recipientSubject } from '../request.ts'
import { restriction } from '../restriction.ts'
import { dunno } from '../verdict.ts'

/** The recipient's domain is not ours and has neither MX nor address, or a null MX. */
export const rejectUnknownRecipientDomain = restriction({
  names: ['reject_unknown_recipient_domain'],
  make: (parts) => (request) => {
    if (request.recipient === undefined) return dunno
    const destination = parts.addresses.classify(request.recipient)
    if (destination.class !== 'default' || destination.domain === '') return dunno
    return unknownDomainVerdict(destination.domain, recipientSubject(request), parts)
  },
})
