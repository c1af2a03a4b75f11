import { blockListQuery } from '@posthorn/dns'
import { parseListZone } from '../list-zone.ts'
import { restriction } from '../restriction.ts'
import { dunno, permit } from '../verdict.ts'

/**
 * The client's address is on a DNS allow list. Never lets a client relay: before permit_mynetworks and the
 * like it counts only for our own destinations, as Postfix has it.
 */
export const permitDnswlClient = restriction({
  names: ['permit_dnswl_client'],
  argument: 'zone',
  make(parts, argument) {
    const zone = parseListZone(argument)
    return async (request) => {
      if (request.recipient !== undefined) {
        const destination = parts.addresses.classify(request.recipient)
        if (destination.routed || destination.class === 'default') return dunno
      }
      const listing = await blockListQuery(parts.dns, zone.zone, request.client.address, zone.accepts)
      return listing.kind === 'listed' ? permit : dunno
    }
  },
})
