import { restriction } from '../restriction.ts'
import { dunno, refuse } from '../verdict.ts'

/** The session is not encrypted. */
export const rejectPlaintextSession = restriction({
  names: ['reject_plaintext_session'],
  make:
    ({ codes }) =>
    (request) => {
      if (request.encrypted) return dunno
      const code = codes.plaintextRejectCode
      return refuse(code, code >= 500 ? '5.7.1' : '4.7.1', 'Session encryption is required')
    },
})
