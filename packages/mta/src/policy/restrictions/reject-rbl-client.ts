import type { Listing } from '@posthorn/dns'
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
    return (request) => {
      const { address } = request.client
      const listed = { subject: address, what: address, class: 'Client host' }
      const verdict = listedVerdict(parts, zone, listed, request)
      const listing = parts.lists.queryClient(zone, address)
      return listing instanceof Promise ? listing.then(verdict) : verdict(listing)
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
  const verdict = listedVerdict(parts, zone, listed, request)
  const listing = parts.lists.query(zone, listed.subject)
  return listing instanceof Promise ? listing.then(verdict) : verdict(listing)
}

const listedVerdict =
  (parts: Pick<PolicyParts, 'lists'>, zone: ListZone, listed: ListedSubject, request: PolicyRequest) =>
  (listing: Listing): Verdict =>
    listing.kind === 'listed'
      ? { kind: 'refuse', refusal: parts.lists.refusal(zone, listed, listing.reason, request) }
      : dunno
