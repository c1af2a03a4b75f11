import { isFqdn } from '../domain-exists.ts'
import { refusalOf } from '../reply-text.ts'
import { senderSubject } from '../request.ts'
import { restriction } from '../restriction.ts'
import { dunno } from '../verdict.ts'

/** `MAIL FROM:<bob>` or `<bob@host>`. The address is looked at as it was given. */
export const rejectNonFqdnSender = restriction({
  names: ['reject_non_fqdn_sender'],
  make:
    ({ codes }) =>
    (request) => {
      const { sender } = request
      if (sender === undefined || sender === '') return dunno
      if (sender.includes('@') && isFqdn(sender.slice(sender.lastIndexOf('@') + 1))) return dunno
      const refusal = refusalOf(
        senderSubject(request),
        codes.nonFqdnRejectCode,
        '5.5.2',
        'need fully-qualified address',
      )
      return { kind: 'refuse', refusal }
    },
})
