import { parseAddress } from '../../tables/index.ts'
import { isFqdn } from '../domain-exists.ts'
import { refusalOf } from '../reply-text.ts'
import { heloSubject } from '../request.ts'
import { restriction } from '../restriction.ts'
import { dunno } from '../verdict.ts'

/** HELO with a bare computer name. */
export const rejectNonFqdnHeloHostname = restriction({
  names: ['reject_non_fqdn_helo_hostname', 'reject_non_fqdn_hostname'],
  make:
    ({ codes }) =>
    (request) => {
      const { helo } = request
      // An address is no name, unless it stands in brackets.
      if (helo === '' || (isFqdn(helo) && parseAddress(helo) === undefined)) return dunno
      if (helo.startsWith('[') && isFqdn(helo)) return dunno
      const subject = heloSubject(request)
      return {
        kind: 'refuse',
        refusal: refusalOf(subject, codes.nonFqdnRejectCode, '5.5.2', 'need fully-qualified hostname'),
      }
    },
})
