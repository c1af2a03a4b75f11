import type { PolicyRequest } from '../request.ts'
import { type PolicyParts, restriction } from '../restriction.ts'
import { dunno, refuse, type Verdict } from '../verdict.ts'
import { isAuthDestination } from './permit-auth-destination.ts'

/** Not an open relay: whoever gets here sends to our own destinations only. */
export const rejectUnauthDestination = restriction({
  names: ['reject_unauth_destination'],
  closesRelay: true,
  make: (parts) => (request) => relayVerdict(parts, request, parts.codes.relayDomainsRejectCode, '5.7.1'),
})

/** Postfix: reject_unauth_destination(). */
export function relayVerdict(
  parts: Pick<PolicyParts, 'addresses'>,
  request: PolicyRequest,
  code: number,
  status: string,
): Verdict {
  const { recipient } = request
  if (recipient === undefined || isAuthDestination(parts.addresses, recipient)) return dunno
  return refuse(code, status, `<${recipient}>: Relay access denied`)
}
