export { type AliasTarget, parseAliasValue } from './alias-value.ts'
export { createRouting, type Resolved, type Routing, type RoutingSources } from './create-routing.ts'
export type { EnvelopeRecipient, Planned } from './planned.ts'
export type { ExpansionSource, RoutingOptions } from './routing-options.ts'
