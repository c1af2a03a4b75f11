export { createDeliveryAgents, type DeliveryAgents, type DeliveryOptions } from './agents.ts'
export type { Attempt, DeliveryAgent, DeliveryJob, ResolveRecipient } from './attempt.ts'
export type { CommandSurroundings } from './command-surroundings.ts'
export { filteredResolver } from './filtered-resolver.ts'
export { filterStatus, type StatusFilter } from './filtered-status.ts'
export type { LocalUser } from './local-user.ts'
export { createMtaSts, type MtaSts, type StsMemory, type StsPolicy } from './mta-sts.ts'
export { type NextHop, parseNextHop } from './next-hop.ts'
export { signalGroup } from './process-group.ts'
export {
  type ClientFor,
  defaultRemoteSettings,
  type RemoteSettings,
  type RemoteTlsSettings,
  type RemoteTransport,
} from './remote-settings.ts'
export {
  cipherList,
  lookupTlsPolicy,
  parseTlsPolicy,
  parseTlsProtocols,
  type TlsLevel,
  type TlsPolicy,
  type TlsPolicyEntry,
} from './tls-policy.ts'
