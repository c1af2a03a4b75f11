import { addressesOf } from '@posthorn/dns'
import { refusalOf } from '../reply-text.ts'
import { heloSubject } from '../request.ts'
import { restriction } from '../restriction.ts'
import { dunno } from '../verdict.ts'

/** HELO with a name that has neither address nor MX. */
export const rejectUnknownHeloHostname = restriction({
  names: ['reject_unknown_helo_hostname', 'reject_unknown_hostname'],
  make:
    ({ dns, codes }) =>
    async (request) => {
      if (request.helo === '' || request.helo.startsWith('[')) return dunno
      const addresses = await addressesOf(dns, request.helo)
      if (addresses.kind === 'records') return dunno
      const mx = await dns.mx(request.helo)
      if (mx.kind === 'records') return dunno
      const subject = heloSubject(request)
      if (addresses.kind === 'temporary' || mx.kind === 'temporary') {
        const refusal = refusalOf(subject, 450, '4.7.1', 'Host not found')
        return { kind: codes.unknownHeloTempfail === 'defer' ? 'refuse' : 'defer-if-permit', refusal }
      }
      const code = codes.unknownHostnameRejectCode
      return {
        kind: 'refuse',
        refusal: refusalOf(subject, code, code >= 500 ? '5.7.1' : '4.7.1', 'Host not found'),
      }
    },
})
