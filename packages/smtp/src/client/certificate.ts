import { createHash, type X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import type { CertificateAssociation, CertificateDemand, ClientTlsLevel } from './options.ts'
import { type TlsFailureType, trustFailure } from './tls-event.ts'

/** Postfix's words for `… TLS connection established to`. */
export type CertificateTrust = 'Anonymous' | 'Untrusted' | 'Trusted' | 'Verified'

export type CertificateVerdict =
  | { readonly kind: 'good'; readonly trust: CertificateTrust }
  | { readonly kind: 'bad'; readonly text: string; readonly type: TlsFailureType }

const bad = (text: string, type: TlsFailureType = 'validation-failure'): CertificateVerdict => ({
  kind: 'bad',
  text,
  type,
})
const verified: CertificateVerdict = { kind: 'good', trust: 'Verified' }

/** Longest chain looked at: what comes is a stranger's. */
const maxChain = 10

/** Whether the certificate that a server showed is what the level demands. Postfix: smtp_tls_security_level. */
export const judgeCertificate = (
  socket: TLSSocket,
  leaf: X509Certificate | undefined,
  level: ClientTlsLevel,
  demand: CertificateDemand,
  host: string,
  nowMs: number,
): CertificateVerdict => {
  if (level === 'verify') return verifyByAuthority(socket, leaf, demand.names ?? [host])
  if (level === 'fingerprint') return verifyByFingerprint(leaf, demand)
  if (level === 'dane') return verifyByDane(leaf, demand, demand.names ?? [host], nowMs)
  if (leaf === undefined) return { kind: 'good', trust: 'Anonymous' }
  return { kind: 'good', trust: socket.authorized ? 'Trusted' : 'Untrusted' }
}

const verifyByAuthority = (
  socket: TLSSocket,
  leaf: X509Certificate | undefined,
  names: readonly string[],
): CertificateVerdict => {
  if (leaf === undefined) return bad('Server certificate missing')
  if (!socket.authorized) {
    // Node's types say Error; it is OpenSSL's code or an error.
    const reason = String((socket.authorizationError as unknown) ?? 'unknown')
    return bad(`Server certificate not trusted: ${reason.replace(/^Error: /, '')}`, trustFailure(reason))
  }
  return nameFits(leaf, names)
    ? verified
    : bad('Server certificate not verified: no name that fits', 'certificate-host-mismatch')
}

/** What the authorities of the system and the host's name say, whatever the level asks. undefined: nothing wrong. */
export const webPkiFailure = (
  socket: TLSSocket,
  leaf: X509Certificate | undefined,
  host: string,
): TlsFailureType | undefined => {
  const verdict = verifyByAuthority(socket, leaf, [host])
  return verdict.kind === 'bad' ? verdict.type : undefined
}

/** RFC 6125 §6.4: names of the certificate; the common name where it has none. `.example.org`: any name below. */
export const nameFits = (leaf: X509Certificate, names: readonly string[]): boolean =>
  names.some((name) => {
    if (!name.startsWith('.')) return leaf.checkHost(name, { subject: 'default' }) !== undefined
    return certificateNames(leaf).some((own) => own.length > name.length && own.endsWith(name.toLowerCase()))
  })

const certificateNames = (leaf: X509Certificate): string[] =>
  (leaf.subjectAltName ?? '')
    .split(', ')
    .filter((entry) => /^DNS:[A-Za-z0-9*._-]+$/.test(entry))
    .map((entry) => entry.slice(4).toLowerCase())

/** Postfix: level fingerprint: of the certificate (DER) or of its public key (SPKI). */
const verifyByFingerprint = (
  leaf: X509Certificate | undefined,
  { fingerprints = [], digest = 'sha256' }: CertificateDemand,
): CertificateVerdict => {
  if (leaf === undefined) return bad('Server certificate missing')
  const own = [leaf.raw, publicKeyOf(leaf)].map((bytes) => createHash(digest).update(bytes).digest('hex'))
  const fits = fingerprints.some((text) => own.includes(text.replaceAll(':', '').toLowerCase()))
  return fits ? verified : bad('Server certificate not verified: fingerprint does not match')
}

const publicKeyOf = (certificate: X509Certificate): Buffer =>
  certificate.publicKey.export({ type: 'spki', format: 'der' }) as Buffer

/** RFC 7672 §3.1: DANE-EE(3) is the certificate alone; DANE-TA(2) is an authority, and names and dates count. */
const verifyByDane = (
  leaf: X509Certificate | undefined,
  { associations = [] }: CertificateDemand,
  names: readonly string[],
  nowMs: number,
): CertificateVerdict => {
  if (leaf === undefined) return bad('Server certificate missing')
  if (associations.some((record) => record.usage === 3 && matches(record, leaf))) return verified
  const authorities = associations.filter(({ usage }) => usage === 2)
  if (authorities.length > 0 && isBelow(leaf, authorities, nowMs)) {
    return nameFits(leaf, names)
      ? verified
      : bad('Server certificate not verified: no name that fits', 'certificate-host-mismatch')
  }
  return bad('Server certificate not verified: no TLSA record matches')
}

/** RFC 6698 §2.1.2 and §2.1.3. */
const matches = ({ selector, matchingType, data }: CertificateAssociation, certificate: X509Certificate) => {
  const chosen = selector === 0 ? certificate.raw : publicKeyOf(certificate)
  const shown =
    matchingType === 0
      ? chosen
      : createHash(matchingType === 1 ? 'sha256' : 'sha512')
          .update(chosen)
          .digest()
  return Buffer.compare(shown, data) === 0
}

/** Whether the chain that the server sent leads, signature by signature, to an authority of the records. */
const isBelow = (
  leaf: X509Certificate,
  authorities: readonly CertificateAssociation[],
  nowMs: number,
): boolean => {
  let current: X509Certificate | undefined = leaf
  for (let depth = 0; current !== undefined && depth < maxChain; depth++) {
    if (!isCurrent(current, nowMs)) return false
    const below: X509Certificate = current
    if (depth > 0 && !below.ca) return false
    if (authorities.some((record) => matches(record, below))) return true
    const issuer: X509Certificate | undefined = below.issuerCertificate
    if (issuer === undefined || issuer.raw.equals(below.raw)) return false
    if (!below.checkIssued(issuer) || !below.verify(issuer.publicKey)) return false
    current = issuer
  }
  return false
}

const isCurrent = ({ validFromDate, validToDate }: X509Certificate, nowMs: number): boolean =>
  validFromDate.getTime() <= nowMs && nowMs <= validToDate.getTime()
