import { err } from '../errors.ts'
import type { Command, Pop3Session } from '../session/session.ts'

/** STLS. RFC 2595 §4. */
export const stls: Command = {
  name: 'STLS',
  capabilities: (session) =>
    session.state.state === 'authorization' &&
    session.options.tls !== undefined &&
    session.connection.secure === undefined
      ? ['STLS']
      : [],
  authorization(session, state, rest) {
    if (rest.length > 0) return err('STLS takes no argument.')
    if (session.connection.secure !== undefined) return err('TLS is already active.')
    if (session.options.tls === undefined) return err("TLS support isn't enabled.")
    // RFC 6856 §2.1: a client must not say STLS after UTF8.
    if (state.utf8) return err('STLS is not allowed after UTF8.')
    return upgrade(session)
  },
}

async function upgrade(session: Pop3Session): Promise<undefined> {
  await session.startTls('+OK Begin TLS negotiation now.\r\n')
}
