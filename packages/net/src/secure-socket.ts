import type * as net from 'node:net'
import * as tls from 'node:tls'
import { leaveSocketBelow } from './socket-events.ts'
import type { TlsCredentials } from './tls-credentials.ts'

/** The server's side of TLS on an accepted socket that nobody reads any more. Paused: its owner says when to go on. */
export function secureSocket(
  below: net.Socket,
  { context, sniCallback, clientCertificates }: TlsCredentials,
  alpnProtocols: readonly string[] | undefined,
): tls.TLSSocket {
  leaveSocketBelow(below)
  const secure = new tls.TLSSocket(below, {
    isServer: true,
    secureContext: context,
    // Who may stay without one is the session's to say.
    ...(clientCertificates === 'asked' ? { requestCert: true, rejectUnauthorized: false } : {}),
    ...(sniCallback === undefined ? {} : { SNICallback: sniCallback }),
    ...(alpnProtocols === undefined ? {} : { ALPNProtocols: [...alpnProtocols] }),
  })
  secure.pause()
  return secure
}
