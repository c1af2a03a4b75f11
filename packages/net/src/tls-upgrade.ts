import type * as net from 'node:net'
import * as tls from 'node:tls'
import { leaveSocketBelow, stopReading } from './socket-events.ts'
import type { TlsCredentials } from './tls-credentials.ts'

/** Brings a socket to where nothing but the client's handshake is left to read, and then calls `then`. */
export type PrepareTls = (below: net.Socket, then: () => void) => void

/** STARTTLS, STLS: the last octets in the clear. What the client sent before it read them is dropped. */
export function sendGoAhead(below: net.Socket, goAhead: string, then: () => void): void {
  below.pause()
  below.write(goAhead, (error) => {
    if (error) return
    stopReading(below)
    while (below.read() !== null);
    then()
  })
}

/** TLS from the first octet. `rest`: the start of the handshake, where it was read already. */
export function putBack(below: net.Socket, rest: Buffer | undefined, then: () => void): void {
  below.pause()
  stopReading(below)
  if (rest !== undefined && rest.length > 0) below.unshift(rest)
  then()
}

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
    ...(alpnProtocols === undefined ? {} : { ALPNProtocols: alpnOctets(alpnProtocols) }),
  })
  secure.pause()
  return secure
}

/**
 * RFC 7301 §3.1: the names, each behind its length. Node copies a view into memory of its own; names, and octets in a Buffer,
 * it copies into a piece of a block of 64 KB that the connection then keeps.
 */
const alpnOctets = (names: readonly string[]): DataView => {
  const octets = Buffer.from(names.map((name) => String.fromCharCode(name.length) + name).join(''), 'latin1')
  return new DataView(octets.buffer, octets.byteOffset, octets.length)
}
