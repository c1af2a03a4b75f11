/** SASL mechanisms as pure exchanges (RFC 4422): nothing here verifies a password or touches a socket. */
export { decodeBase64 } from './base64.ts'
export { type ClientLogin, type ClientMechanism, chooseClientMechanism, clientMechanisms } from './client.ts'
export type { Credentials, SaslFailure, SaslStep, ServerMechanism } from './exchange.ts'
export { findMechanism, offeredMechanisms, serverMechanisms } from './mechanisms.ts'
export { maxResponseBytes, ServerExchange } from './server-exchange.ts'
