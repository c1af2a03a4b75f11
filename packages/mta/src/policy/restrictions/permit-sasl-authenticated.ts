import { restriction } from '../restriction.ts'
import { dunno, permit } from '../verdict.ts'

/** The client has logged in. */
export const permitSaslAuthenticated = restriction({
  names: ['permit_sasl_authenticated'],
  make: () => (request) => (request.user === undefined ? dunno : permit),
})
