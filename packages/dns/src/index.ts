export { blockListQuery, type Listing, printable } from './block-list.ts'
export { type CacheOptions, cachedResolver } from './cache.ts'
export { type ClientName, clientName, unknownClient } from './client-name.ts'
export { addressGroups, hostName, isHostName, isQuestionName, reversedAddress } from './name.ts'
export { createResolver, type ResolverOptions, systemAddresses } from './node-resolver.ts'
export {
  type AddressFamily,
  addressesOf,
  type DnsAnswer,
  type MxRecord,
  type Resolver,
  type SrvRecord,
  type TlsaRecord,
} from './resolver.ts'
export {
  createSecureResolver,
  loopbackNameServers,
  type SecureAnswer,
  type SecureResolver,
  type SecureResolverOptions,
} from './secure-resolver.ts'
export { parseZoneFile, ZoneFileError, type ZoneRecord } from './zone-file.ts'
export { type ZoneFileResolver, zoneFileResolver } from './zone-file-resolver.ts'
