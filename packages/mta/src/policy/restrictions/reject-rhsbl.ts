import type { ListedSubject } from '../dns-lists.ts'
import { parseListZone } from '../list-zone.ts'
import type { PolicyRequest } from '../request.ts'
import { type Restriction, restriction } from '../restriction.ts'
import { dunno } from '../verdict.ts'
import { listedDomainVerdict } from './reject-rbl-client.ts'

/** What of a session is asked for in a list of domains; undefined: there is none. */
type SubjectOf = (request: PolicyRequest) => ListedSubject | undefined

const rhsbl = (name: string, subjectOf: SubjectOf): Restriction =>
  restriction({
    names: [name],
    argument: 'zone',
    make(parts, argument) {
      const zone = parseListZone(argument)
      return (request) => {
        const listed = subjectOf(request)
        return listed === undefined ? dunno : listedDomainVerdict(parts, zone, listed, request)
      }
    },
  })

const domainSubject = (what: string, rblClass: string): ListedSubject => ({
  subject: what.slice(what.lastIndexOf('@') + 1),
  what,
  class: rblClass,
})

const addressSubject = (address: string | undefined, rblClass: string): ListedSubject | undefined =>
  address?.includes('@') === true ? domainSubject(address, rblClass) : undefined

/** reject_rhsbl_client, _reverse_client, _helo, _sender, _recipient: a domain is on a DNS list. RFC 5782 §2.2. */
export const rhsblRestrictions: readonly Restriction[] = [
  rhsbl('reject_rhsbl_client', ({ client }) =>
    client.name.status === 'ok' ? domainSubject(client.name.name, 'Client host') : undefined,
  ),
  rhsbl('reject_rhsbl_reverse_client', ({ client }) =>
    client.name.reverseStatus === 'ok'
      ? domainSubject(client.name.reverseName, 'Unverified Client host')
      : undefined,
  ),
  rhsbl('reject_rhsbl_helo', ({ helo }) => (helo === '' ? undefined : domainSubject(helo, 'Helo command'))),
  rhsbl('reject_rhsbl_sender', ({ sender }) => addressSubject(sender, 'Sender address')),
  rhsbl('reject_rhsbl_recipient', ({ recipient }) => addressSubject(recipient, 'Recipient address')),
]
