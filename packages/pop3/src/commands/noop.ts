import { ok } from '../errors.ts'
import type { Command } from '../session/session.ts'

/** NOOP. RFC 1939 §5. */
export const noop: Command = {
  name: 'NOOP',
  transaction: () => ok(),
}
