import { restriction } from '../restriction.ts'
import { dunno, refuse } from '../verdict.ts'

/** The null sender with several recipients: no bounce does that. Of use at DATA. */
export const rejectMultiRecipientBounce = restriction({
  names: ['reject_multi_recipient_bounce'],
  make:
    ({ codes }) =>
    (request, subject) => {
      // At RCPT this one is not among those accepted.
      const more = request.command === 'RCPT' || request.command === 'VRFY' ? 1 : 0
      if (request.sender !== '' || request.recipientCount + more < 2) return dunno
      const code = codes.multiRecipientBounceRejectCode
      return refuse(
        code,
        code >= 500 ? '5.5.3' : '4.5.3',
        `<${subject.name}>: ${subject.class} rejected: Multi-recipient bounce`,
      )
    },
})
