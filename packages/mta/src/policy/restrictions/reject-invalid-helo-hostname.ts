import { isHostName } from '@posthorn/dns'
import { parseAddress } from '../../tables/index.ts'
import { refusalOf } from '../reply-text.ts'
import { heloSubject } from '../request.ts'
import { restriction } from '../restriction.ts'
import { dunno } from '../verdict.ts'

/** HELO with what is neither a host name nor an address in brackets. */
export const rejectInvalidHeloHostname = restriction({
  names: ['reject_invalid_helo_hostname', 'reject_invalid_hostname'],
  make:
    ({ codes }) =>
    (request) => {
      if (request.helo === '' || isValidHelo(request.helo)) return dunno
      const subject = heloSubject(request)
      // Postfix: a literal is told from a name.
      const reason = request.helo.startsWith('[') ? 'invalid ip address' : 'Invalid name'
      return {
        kind: 'refuse',
        refusal: refusalOf(subject, codes.invalidHostnameRejectCode, '5.5.2', reason),
      }
    },
})

/** RFC 5321 §4.1.1.1. IPv6 literals have their tag (§4.1.3). A bare address is tolerated as Postfix does, a final dot too. */
export function isValidHelo(helo: string): boolean {
  if (helo.startsWith('[') && helo.endsWith(']')) {
    const inside = helo.slice(1, -1)
    const isTagged = /^ipv6:/i.test(inside)
    const address = parseAddress(isTagged ? inside.slice('ipv6:'.length) : inside)
    return address !== undefined && (address.kind() === 'ipv6') === isTagged
  }
  return isHostName(helo.endsWith('.') ? helo.slice(0, -1) : helo) || parseAddress(helo) !== undefined
}
