import { parseListZone } from '../list-zone.ts'
import { restriction } from '../restriction.ts'
import { dunno } from '../verdict.ts'
import { listedVerdict } from './reject-rbl-client.ts'

/** The client's verified name is on a DNS list of domains (RFC 5782 §2.2). */
export const rejectRhsblClient = restriction({
  names: ['reject_rhsbl_client'],
  argument: 'zone',
  make(parts, argument) {
    const zone = parseListZone(argument)
    return ({ client }) =>
      client.name.status === 'ok'
        ? listedVerdict(parts, zone, client.name.name, `Client host [${client.name.name}]`)
        : dunno
  },
})
