import type { Answer } from '@posthorn/smtp'
import type { ListedSubject } from '../dns-lists.ts'
import { type ListZone, parseListZone } from '../list-zone.ts'
import type { PolicyRequest } from '../request.ts'
import { type PolicyParts, restriction } from '../restriction.ts'
import { dunno, type Verdict } from '../verdict.ts'

/** The client's address is on a DNS list (RFC 5782). A list that does not answer stops nobody. */
export const rejectRblClient = restriction({
  names: ['reject_rbl_client', 'reject_rbl'],
  argument: 'zone',
  make(parts, argument) {
    const zone = parseListZone(argument)
    parts.lists.addClientZone(zone)
    return async (request) => {
      const { address } = request.client
      const listing = await parts.lists.queryClient(zone, address)
      if (listing.kind !== 'listed') return dunno
      const listed = { subject: address, what: address, class: 'Client host' }
      return { kind: 'refuse', refusal: parts.lists.refusal(zone, listed, listing.reason, request) }
    }
  },
})

/** A domain that is on a list of domains (RFC 5782 §2.2); address literals and numbers are none. */
export function listedDomainVerdict(
  parts: Pick<PolicyParts, 'lists'>,
  zone: ListZone,
  listed: ListedSubject,
  request: PolicyRequest,
): Answer<Verdict> {
  if (listed.subject === '' || listed.subject.startsWith('[') || /^[0-9.]+$|:/.test(listed.subject))
    return dunno
  return parts.lists
    .query(zone, listed.subject)
    .then((listing) =>
      listing.kind === 'listed'
        ? { kind: 'refuse', refusal: parts.lists.refusal(zone, listed, listing.reason, request) }
        : dunno,
    )
}
