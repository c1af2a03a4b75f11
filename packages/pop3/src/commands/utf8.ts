import { err, ok } from '../errors.ts'
import type { Command } from '../session/session.ts'

/**
 * UTF8. RFC 6856 §2.1. Without it messages come octet for octet all the same, unless the options ask for
 * surrogates: they break signatures, and most clients that do not say UTF8 have read 8-bit headers for decades.
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
