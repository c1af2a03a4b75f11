import { restriction } from '../restriction.ts'
import { dunno, permit } from '../verdict.ts'

/** The client's address is one of this machine's own. */
export const permitInetInterfaces = restriction({
  names: ['permit_inet_interfaces'],
  make: (parts) => (request) => (parts.isOwnAddress(request.client.address) ? permit : dunno),
})
