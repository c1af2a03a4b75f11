import { parseListZone } from '../list-zone.ts'
import type { PolicyRequest } from '../request.ts'
import { type PolicyParts, restriction } from '../restriction.ts'
import { dunno, permit } from '../verdict.ts'

/** An allow list never lets a client relay: it counts for our own destinations only, as Postfix has it. */
const mayPermit = (parts: Pick<PolicyParts, 'addresses'>, { recipient }: PolicyRequest): boolean => {
  if (recipient === undefined) return true
  const destination = parts.addresses.classify(recipient)
  return !destination.routed && destination.class !== 'default'
}

/** The client's address is on a DNS allow list. */
export const permitDnswlClient = restriction({
  names: ['permit_dnswl_client'],
  argument: 'zone',
  make(parts, argument) {
    const zone = parseListZone(argument)
    parts.lists.addClientZone(zone)
    return async (request) => {
      if (!mayPermit(parts, request)) return dunno
      const listing = await parts.lists.queryClient(zone, request.client.address)
      return listing.kind === 'listed' ? permit : dunno
    }
  },
})

/** The client's verified name is on a DNS allow list of domains. */
export const permitRhswlClient = restriction({
  names: ['permit_rhswl_client'],
  argument: 'zone',
  make(parts, argument) {
    const zone = parseListZone(argument)
    return async (request) => {
      const { name } = request.client
      if (name.status !== 'ok' || !mayPermit(parts, request)) return dunno
      const listing = await parts.lists.query(zone, name.name)
      return listing.kind === 'listed' ? permit : dunno
    }
  },
})
