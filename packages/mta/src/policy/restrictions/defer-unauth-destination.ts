import { restriction } from '../restriction.ts'
import { relayVerdict } from './reject-unauth-destination.ts'

/** As reject_unauth_destination with 454: the sender keeps the mail while the administrator looks at it. */
export const deferUnauthDestination = restriction({
  names: ['defer_unauth_destination'],
  closesRelay: true,
  make: (parts) => (request) =>
    relayVerdict(parts, request, parts.codes.relayDomainsRejectCode - 100, '4.7.1'),
})
