import { oauthBearer, xoauth2 } from './bearer.ts'
import type { ChannelBinding, ServerMechanism } from './exchange.ts'
import { external } from './external.ts'
import { login } from './login.ts'
import { plain } from './plain.ts'
import { scramSha256, scramSha256Plus } from './scram.ts'

/** In the order in which they are offered. */
export const serverMechanisms: readonly ServerMechanism[] = [
  plain,
  login,
  scramSha256,
  scramSha256Plus,
  external,
  oauthBearer,
  xoauth2,
]

/** What is offered where nothing else is configured. */
export const defaultMechanisms: readonly string[] = ['PLAIN', 'LOGIN']

/** By name, in any case. */
export function findMechanism(name: string): ServerMechanism | undefined {
  const upper = name.toUpperCase()
  return serverMechanisms.find((mechanism) => mechanism.name === upper)
}

export interface OfferRule {
  /** Upper case; others are never offered. */
  readonly names?: readonly string[]
  /** Without TLS, plaintext mechanisms only where the administrator allows them. */
  readonly plaintext: 'allowed' | 'refused'
  /** Whether the connection has channel bindings. */
  readonly bindings?: 'some' | 'none'
  /** Whether the client has shown a certificate that names its user. */
  readonly certificate?: 'shown' | 'none'
}

/** A client that is not offered -PLUS, because it is not configured, has not been lied to. RFC 5802 §6. */
export function usableBindings(
  names: readonly string[],
  bindings: readonly ChannelBinding[] = [],
): readonly ChannelBinding[] {
  return names.some((name) => findMechanism(name)?.bound) ? bindings : []
}

/** What may be offered now. */
export function offeredMechanisms(rule: OfferRule): readonly ServerMechanism[] {
  const { names = defaultMechanisms, plaintext, bindings = 'none', certificate = 'none' } = rule
  return serverMechanisms.filter(
    (mechanism) =>
      names.includes(mechanism.name) &&
      (plaintext === 'allowed' || !mechanism.plaintext) &&
      (bindings === 'some' || mechanism.bound === undefined) &&
      (certificate === 'shown' || mechanism.certified === undefined),
  )
}
