import { isFqdn } from '../domain-exists.ts'
import { refusalOf } from '../reply-text.ts'
import { recipientSubject } from '../request.ts'
import { restriction } from '../restriction.ts'
import { dunno } from '../verdict.ts'

/** `RCPT TO:<bob>` or `<bob@host>`; postmaster alone is always allowed (RFC 5321 §4.5.1). */
export const rejectNonFqdnRecipient = restriction({
  names: ['reject_non_fqdn_recipient'],
  make:
    ({ codes }) =>
    (request) => {
      const { recipient } = request
      if (recipient === undefined || recipient.toLowerCase() === 'postmaster') return dunno
      if (recipient.includes('@') && isFqdn(recipient.slice(recipient.lastIndexOf('@') + 1))) return dunno
      const subject = recipientSubject(request)
      return {
        kind: 'refuse',
        refusal: refusalOf(subject, codes.nonFqdnRejectCode, '5.5.2', 'need fully-qualified address'),
      }
    },
})
