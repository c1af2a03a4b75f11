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
  /** A part of the subject: `CN`, `emailAddress`, `UID`; '' when there is none. */
  subjectPart(name: string): string
}

/** Who has shown a certificate that we trust, and whom it names: undefined when nobody reads names in certificates. */
export interface CertifiedClient {
  readonly user: string | undefined
}

export type CertificateReader = (certificate: ClientCertificate) => string | undefined

export function certifiedClient(
  certificate: ClientCertificate | undefined,
  userOf: CertificateReader | undefined,
): CertifiedClient | undefined {
  return certificate?.trust === 'trusted' ? { user: userOf?.(certificate) || undefined } : undefined
}

/** undefined: the client was not asked, or has none. After the handshake of a server's socket. */
export function clientCertificate(socket: tls.TLSSocket): ClientCertificate | undefined {
  const certificate = socket.getPeerX509Certificate?.()
  if (certificate === undefined) return undefined
  return {
    trust: isTrusted(socket) ? 'trusted' : 'untrusted',
    subject: nameIn(certificate.subject, 'CN'),
    issuer: nameIn(certificate.issuer, 'CN') || nameIn(certificate.issuer, 'O'),
    fingerprint: (digest) => colons(certificate.raw, digest),
    publicKeyFingerprint: (digest) => colons(publicKey(certificate), digest),
    mailAddresses: mailAddresses(certificate.subjectAltName ?? ''),
    subjectPart: (name) => nameIn(certificate.subject, name),
  }
}

/** `authorized` is set by Node's own servers; where there is none, the handshake's verdict is with the handle. */
function isTrusted(socket: tls.TLSSocket): boolean {
  if (socket.authorized) return true
  const handle = (socket as { readonly _handle?: { verifyError?(): unknown } | null })._handle
  if (typeof handle?.verifyError !== 'function') return false
  const fault = handle.verifyError()
  return fault === null || fault === undefined
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
