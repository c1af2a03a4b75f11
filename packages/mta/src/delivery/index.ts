export { createDeliveryAgents, type DeliveryAgents, type DeliveryOptions } from './agents.ts'
export type { Attempt, DeliveryAgent, DeliveryJob, ResolveRecipient } from './attempt.ts'
export type { LocalUser } from './local-user.ts'
export { type NextHop, parseNextHop } from './next-hop.ts'
