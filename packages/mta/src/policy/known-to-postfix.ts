/** Restrictions of Postfix that have no file here, with what to use instead. */
export const knownToPostfix: ReadonlyMap<string, string> = new Map([
  ['check_ccert_access', ''],
  ['check_address_map', '; use check_client_access'],
  ['check_relay_domains', '; use reject_unauth_destination'],
  ['permit_naked_ip_address', '; use permit_mynetworks or permit_sasl_authenticated'],
  ['permit_tls_clientcerts', ''],
  ['permit_tls_all_clientcerts', ''],
  ['reject_maps_rbl', '; use reject_rbl_client'],
  ['sleep', ''],
])
