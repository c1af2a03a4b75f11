import { restriction } from '../restriction.ts'
import { dunno, refuse } from '../verdict.ts'

/** The client has no reverse name at all. */
export const rejectUnknownReverseClientHostname = restriction({
  names: ['reject_unknown_reverse_client_hostname'],
  make:
    ({ codes }) =>
    ({ client }) => {
      if (client.name.reverseStatus === 'ok') return dunno
      const code = client.name.reverseStatus === 'temporary' ? 450 : codes.unknownClientRejectCode
      return refuse(
        code,
        code >= 500 ? '5.7.1' : '4.7.1',
        `Client host rejected: cannot find your reverse hostname, [${client.address}]`,
      )
    },
})
