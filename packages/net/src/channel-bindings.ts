import { createHash } from 'node:crypto'
import type * as tls from 'node:tls'

/** What tells one TLS connection from all others. RFC 5056. */
export interface TlsChannelBinding {
  readonly name: 'tls-exporter' | 'tls-server-end-point'
  /** undefined: not on this connection. */
  readonly octets: () => Buffer | undefined
}

const exporterOctets = 32

/** For an established connection of a server. Computed when asked for: few clients bind. */
export function channelBindings(socket: tls.TLSSocket): readonly TlsChannelBinding[] {
  return [
    { name: 'tls-exporter', octets: () => exported(socket) },
    { name: 'tls-server-end-point', octets: () => certificateHash(socket) },
  ]
}

/** RFC 9266 §4: before TLS 1.3 only with the extended master secret, which Node does not tell about. */
function exported(socket: tls.TLSSocket): Buffer | undefined {
  if (socket.getProtocol() !== 'TLSv1.3') return undefined
  return socket.exportKeyingMaterial(exporterOctets, 'EXPORTER-Channel-Binding', Buffer.alloc(0))
}

/** RFC 5929 §4.1: by the hash of the certificate's signature, and by SHA-256 for MD5 and SHA-1. */
function certificateHash(socket: tls.TLSSocket): Buffer | undefined {
  const certificate = socket.getX509Certificate()
  const algorithm = certificate?.signatureAlgorithm
  if (certificate === undefined || algorithm === undefined) return undefined
  const named = /(?:md5|sha-?1|sha-?224|sha-?256|sha-?384|sha-?512)(?!\d)/i.exec(algorithm)?.[0]
  if (named === undefined) return undefined
  const hash = named.toLowerCase().replace('-', '')
  return createHash(hash === 'md5' || hash === 'sha1' ? 'sha256' : hash)
    .update(certificate.raw)
    .digest()
}
