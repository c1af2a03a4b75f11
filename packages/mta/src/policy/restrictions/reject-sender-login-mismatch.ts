import { refusalOf } from '../reply-text.ts'
import { senderSubject } from '../request.ts'
import { restriction } from '../restriction.ts'
import { dunno } from '../verdict.ts'

/** Who has logged in sends as himself: his address, with any extension. */
export const rejectSenderLoginMismatch = restriction({
  names: ['reject_sender_login_mismatch', 'reject_authenticated_sender_login_mismatch'],
  make:
    ({ addresses, recipientDelimiter }) =>
    (request) => {
      const { sender, user } = request
      if (user === undefined || sender === undefined || sender === '') return dunno
      if (addresses.owns(user, sender, recipientDelimiter)) return dunno
      const refusal = refusalOf(senderSubject(request), 553, '5.7.1', `not owned by user ${user}`)
      return { kind: 'refuse', refusal }
    },
})
