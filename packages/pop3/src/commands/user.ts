import { err, ok } from '../errors.ts'
import type { Command } from '../session/session.ts'
import { decodeArgument } from '../wire/command-line.ts'

/** USER. RFC 1939 §7; the name may be UTF-8, RFC 6856 §2.2. Whether it exists is not told here. */
export const user: Command = {
  name: 'USER',
  capabilities: (session) => (session.plaintextAllowed ? ['USER'] : []),
  authorization(session, state, rest) {
    if (!session.plaintextAllowed) return plaintextRefused
    const name = decodeArgument(rest)
    if (name === undefined) return err('User name is not UTF-8.', 'AUTH')
    state.user = name
    return ok()
  },
}

/** Said before the password has come, so that a client that listens keeps it to itself. */
export const plaintextRefused = err(
  'Plaintext authentication disallowed on non-secure (SSL/TLS) connections.',
  'AUTH',
)
