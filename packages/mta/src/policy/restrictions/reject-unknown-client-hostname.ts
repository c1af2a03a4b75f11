import { restriction } from '../restriction.ts'
import { dunno, refuse } from '../verdict.ts'

/** The client has no reverse name, or its name does not lead back to its address. */
export const rejectUnknownClientHostname = restriction({
  names: ['reject_unknown_client_hostname', 'reject_unknown_client'],
  make:
    ({ codes }) =>
    ({ client }) => {
      if (client.name.status === 'ok') return dunno
      const code = client.name.status === 'temporary' ? 450 : codes.unknownClientRejectCode
      return refuse(
        code,
        code >= 500 ? '5.7.25' : '4.7.25',
        `Client host rejected: cannot find your hostname, [${client.address}]`,
      )
    },
})
