import { restriction } from '../restriction.ts'
import { dunno, permit } from '../verdict.ts'

/** The client's address is in mynetworks. */
export const permitMynetworks = restriction({
  names: ['permit_mynetworks'],
  make: () => (request) => (request.client.inMyNetworks ? permit : dunno),
})
