import { err, ok } from '../errors.ts'
import type { Command } from '../session/session.ts'

/**
 * UTF8. RFC 6856 §2.1. Messages come back octet for octet in either mode: surrogates for clients that do
 * not say UTF8 would break signatures, and such clients have been given 8-bit headers for decades.
 */
export const utf8: Command = {
  name: 'UTF8',
  capabilities: () => ['UTF8 USER'],
  authorization(_session, state, rest) {
    if (rest.length > 0) return err('UTF8 takes no argument.')
    state.utf8 = true
    return ok('UTF8 enabled.')
  },
}
