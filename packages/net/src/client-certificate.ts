import { createHash, type X509Certificate } from 'node:crypto'
import type * as tls from 'node:tls'

/** The certificate that a client has shown. */
export interface ClientCertificate {
  /** Whether an authority that we trust has issued it, and its time has not run out. */
  readonly trust: 'trusted' | 'untrusted'
  /** Common names; '' when there is none. The issuer's organization stands in for its name. */
  readonly subject: string
  readonly issuer: string
  /** Of the certificate, and of its public key: `AB:CD:…` by a digest such as sha256. Postfix: smtpd_tls_fingerprint_digest. */
  fingerprint(digest: string): string
  publicKeyFingerprint(digest: string): string
  /** Addresses of RFC 5280 §4.2.1.6, rfc822Name. */
  readonly mailAddresses: readonly string[]
}

/** undefined: the client was not asked, or has none. After the handshake of a server's socket. */
export function clientCertificate(socket: tls.TLSSocket): ClientCertificate | undefined {
  const certificate = socket.getPeerX509Certificate?.()
  if (certificate === undefined) return undefined
  return {
    trust: socket.authorized ? 'trusted' : 'untrusted',
    subject: nameIn(certificate.subject, 'CN'),
    issuer: nameIn(certificate.issuer, 'CN') || nameIn(certificate.issuer, 'O'),
    fingerprint: (digest) => colons(certificate.raw, digest),
    publicKeyFingerprint: (digest) => colons(publicKey(certificate), digest),
    mailAddresses: mailAddresses(certificate.subjectAltName ?? ''),
  }
}

/** Node writes a name with a line for each part. */
function nameIn(name: string, part: string): string {
  return new RegExp(`^${part}=(.*)$`, 'm').exec(name ?? '')?.[1] ?? ''
}

function publicKey(certificate: X509Certificate): Buffer {
  return certificate.publicKey.export({ type: 'spki', format: 'der' })
}

function colons(octets: Uint8Array, digest: string): string {
  const hex = createHash(digest).update(octets).digest('hex').toUpperCase()
  return (hex.match(/../g) ?? []).join(':')
}

/** `email:a@b.example, DNS:x`; what Node puts in quotes holds characters that no address here may have. */
function mailAddresses(names: string): readonly string[] {
  return names
    .split(', ')
    .filter((name) => name.startsWith('email:') && !name.includes('"'))
    .map((name) => name.slice('email:'.length))
}
