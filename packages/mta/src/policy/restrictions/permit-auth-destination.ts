import type { AddressBook } from '../address-book.ts'
import { restriction } from '../restriction.ts'
import { dunno, permit } from '../verdict.ts'

/**
 * The recipient is one that we take mail for: local, virtual or in relay_domains, and its local part hides
 * no other destination (`user%host@us`).
 */
export const permitAuthDestination = restriction({
  names: ['permit_auth_destination'],
  make:
    ({ addresses }) =>
    (request) =>
      request.recipient !== undefined && isAuthDestination(addresses, request.recipient) ? permit : dunno,
})

/** Postfix: permit_auth_destination(). */
export function isAuthDestination(addresses: AddressBook, recipient: string): boolean {
  const destination = addresses.classify(recipient)
  return !destination.routed && destination.class !== 'default'
}
