import type { ServerMechanism } from './exchange.ts'
import { login } from './login.ts'
import { plain } from './plain.ts'

/** In the order in which they are offered. */
export const serverMechanisms: readonly ServerMechanism[] = [plain, login]

/** By name, in any case. */
export function findMechanism(name: string): ServerMechanism | undefined {
  const upper = name.toUpperCase()
  return serverMechanisms.find((mechanism) => mechanism.name === upper)
}

/** What may be offered now: without TLS, plaintext mechanisms only where the administrator allows them. */
export function offeredMechanisms(plaintext: 'allowed' | 'refused'): readonly ServerMechanism[] {
  return plaintext === 'allowed'
    ? serverMechanisms
    : serverMechanisms.filter((mechanism) => !mechanism.plaintext)
}
