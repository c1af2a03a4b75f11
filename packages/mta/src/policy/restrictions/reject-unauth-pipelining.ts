import { restriction } from '../restriction.ts'
import { dunno, refuse } from '../verdict.ts'

/** Commands came before the client could know that they were welcome (RFC 2920 §3.1). */
export const rejectUnauthPipelining = restriction({
  names: ['reject_unauth_pipelining'],
  make: () => (request, subject) =>
    request.improperPipelining
      ? refuse(
          503,
          '5.5.0',
          `<${subject.name}>: ${subject.class} rejected: Improper use of SMTP command pipelining`,
        )
      : dunno,
})
