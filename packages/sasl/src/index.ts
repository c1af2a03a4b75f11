/** SASL mechanisms as pure exchanges (RFC 4422): nothing here verifies a password or touches a socket. */
export { decodeBase64 } from './base64.ts'
export type { TokenRefusal } from './bearer.ts'
export { type ClientLogin, type ClientMechanism, chooseClientMechanism, clientMechanisms } from './client.ts'
export type {
  CertificateCredentials,
  ChannelBinding,
  Credentials,
  PasswordCredentials,
  ProofCredentials,
  SaslFailure,
  SaslStep,
  ServerMechanism,
  TokenCredentials,
} from './exchange.ts'
export {
  defaultMechanisms,
  findMechanism,
  type OfferRule,
  offeredMechanisms,
  serverMechanisms,
  usableBindings,
} from './mechanisms.ts'
export {
  fakeScramVerifier,
  formatScramVerifier,
  makeScramVerifier,
  maxScramIterations,
  minScramIterations,
  parseScramVerifier,
} from './scram-verifier.ts'
export { maxResponseBytes, ServerExchange } from './server-exchange.ts'
