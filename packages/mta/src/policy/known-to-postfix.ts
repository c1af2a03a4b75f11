/** Restrictions of Postfix that have no file here, with what to use instead. */
export const knownToPostfix: ReadonlyMap<string, string> = new Map([
  ['check_address_map', '; use check_client_access'],
  ['check_relay_domains', '; use reject_unauth_destination'],
  ['permit_naked_ip_address', '; use permit_mynetworks or permit_sasl_authenticated'],
  ['reject_maps_rbl', '; use reject_rbl_client'],
])
