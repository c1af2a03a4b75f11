import type * as tls from 'node:tls'
import { channelBindings, type TlsChannelBinding } from './channel-bindings.ts'
import { type ClientCertificate, clientCertificate } from './client-certificate.ts'

export interface SecureFacts {
  /** `TLSv1.3`. */
  readonly protocol: string
  /** OpenSSL's name, as Postfix logs it. */
  readonly cipher: string
  readonly bits: number
  readonly serverName: string | undefined
  readonly alpnProtocol: string | undefined
  readonly resumed: boolean
  readonly channelBindings: () => readonly TlsChannelBinding[]
  /** What the client has shown; undefined when it was not asked or has none. */
  readonly clientCertificate: () => ClientCertificate | undefined
}

/** What the handshake agreed upon. */
export function secureFacts(socket: tls.TLSSocket): SecureFacts {
  const cipher = socket.getCipher()
  const alpn = socket.alpnProtocol
  const { servername } = socket as tls.TLSSocket & { readonly servername?: string | false | null }
  return {
    protocol: socket.getProtocol() ?? 'unknown',
    cipher: cipher.name,
    bits: cipherBits(cipher.name),
    serverName: typeof servername === 'string' ? servername : undefined,
    alpnProtocol: typeof alpn === 'string' ? alpn : undefined,
    resumed: socket.isSessionReused(),
    channelBindings: () => channelBindings(socket),
    clientCertificate: () => clientCertificate(socket),
  }
}

function cipherBits(name: string): number {
  if (name.includes('256') && !name.includes('AES128') && !name.includes('AES_128')) return 256
  if (name.includes('CHACHA20')) return 256
  return name.includes('128') ? 128 : name.includes('DES') ? 112 : 0
}
