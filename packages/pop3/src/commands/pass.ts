import { err } from '../errors.ts'
import type { Command } from '../session/session.ts'
import { decodeArgument } from '../wire/command-line.ts'
import { plaintextRefused } from './user.ts'

/** PASS: everything behind the one space is the password, spaces included. RFC 1939 §7. */
export const pass: Command = {
  name: 'PASS',
  authorization(session, state, rest) {
    if (!session.plaintextAllowed) return plaintextRefused
    const authcid = state.user
    // RFC 1939 §7: PASS only directly behind a successful USER; a second guess needs a second USER.
    state.user = undefined
    if (authcid === undefined) return err('No username given.')
    const password = decodeArgument(rest)
    if (password === undefined) return err('Password is not UTF-8.', 'AUTH')
    return session.login({ mechanism: 'PLAIN', authzid: '', authcid, password })
  },
}
