import { blockListQuery } from '@posthorn/dns'
import { parseListZone } from '../list-zone.ts'
import { type PolicyParts, restriction } from '../restriction.ts'
import { dunno, refuse, type Verdict } from '../verdict.ts'

/** The client's address is on a DNS list (RFC 5782). A list that does not answer stops nobody. */
export const rejectRblClient = restriction({
  names: ['reject_rbl_client'],
  argument: 'zone',
  make(parts, argument) {
    const zone = parseListZone(argument)
    return (request) =>
      listedVerdict(parts, zone, request.client.address, `Client host [${request.client.address}]`)
  },
})

/** Postfix: default_rbl_reply. */
export async function listedVerdict(
  parts: Pick<PolicyParts, 'dns' | 'codes' | 'log'>,
  zone: ReturnType<typeof parseListZone>,
  subject: string,
  what: string,
): Promise<Verdict> {
  const listing = await blockListQuery(parts.dns, zone.zone, subject, zone.accepts)
  if (listing.kind === 'unavailable') {
    parts.log({
      level: 'warning',
      service: 'smtpd',
      text: `${subject}: RBL lookup error: ${zone.zone}: ${listing.reason}`,
    })
    return dunno
  }
  if (listing.kind === 'not-listed') return dunno
  const reason = listing.reason === '' ? '' : `; ${listing.reason}`
  const code = parts.codes.mapsRblRejectCode
  return refuse(
    code,
    code >= 500 ? '5.7.1' : '4.7.1',
    `Service unavailable; ${what} blocked using ${zone.zone}${reason}`,
  )
}
