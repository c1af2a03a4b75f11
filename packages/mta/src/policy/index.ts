export type { AddressBook, AddressClass, Destination, Known } from './address-book.ts'
export { type FilterTransport, parseFilter } from './content-filter.ts'
export {
  createPolicy,
  type Policy,
  type PolicyCommand,
  type PolicyOutcome,
  type PolicySources,
  parameterOf,
} from './create-policy.ts'
export { DnsLists } from './dns-lists.ts'
export { createGatewayGuard, type GatewayFacts, type GatewayGuard } from './gateway-guard.ts'
export { createGreylist, type Greylist, type GreylistOptions } from './greylist/greylist.ts'
export { checkSpf, type SpfQuestion, type SpfVerdict } from './greylist/sender-policy.ts'
export { SignatureCheck } from './greylist/signature-check.ts'
export { type ListZone, parseListZone } from './list-zone.ts'
export {
  type ClientList,
  createClientList,
  createNetworkList,
  type NetworkList,
  networksOfStyle,
  type OwnAddress,
} from './networks.ts'
export {
  defaultCodes,
  defaultRestrictions,
  type PolicyCodes,
  type PolicyOptions,
  type UnverifiedSettings,
} from './policy-options.ts'
export { fitStatus, policyLogText, refusalText } from './reply-text.ts'
export { clientText, type PolicyClient, type PolicyRequest, type Stage, stages } from './request.ts'
export { PolicyError } from './restriction-list.ts'
export { restrictions } from './restrictions/index.ts'
export type { Effect, Refusal, Verdict } from './verdict.ts'
