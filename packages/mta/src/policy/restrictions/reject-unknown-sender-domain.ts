import { unknownDomainVerdict } from '../domain-exists.ts'
import { senderSubject } from '../request.ts'
import { restriction } from '../restriction.ts'
import { dunno } from '../verdict.ts'

/** The sender's domain has neither MX nor address, or a null MX; our own domains need no DNS. */
export const rejectUnknownSenderDomain = restriction({
  names: ['reject_unknown_sender_domain', 'reject_unknown_address'],
  make: (parts) => (request) => {
    if (request.sender === undefined || request.sender === '') return dunno
    const destination = parts.addresses.classify(request.sender)
    if (destination.class !== 'default' || destination.domain === '') return dunno
    return unknownDomainVerdict(destination.domain, senderSubject(request), parts)
  },
})
