import { generateKeyPair, randomBytes, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { promisify } from 'node:util'
import forge from 'node-forge'

export interface PemPair {
  /** Private key, PKCS#8 PEM. */
  readonly key: string
  /** Certificate, PEM. */
  readonly cert: string
}

const lifetimeYears = 10

/** Subject alternative names as node-forge wants them: type 2 = DNS, 7 = IP address (RFC 5280 §4.2.1.6). */
function alternativeName(name: string): { type: 2; value: string } | { type: 7; ip: string } {
  return isIP(name) === 0 ? { type: 2, value: name } : { type: 7, ip: name }
}

/**
 * A self-signed certificate for `names` (host names and addresses, the first is the common name).
 * The key comes from OpenSSL: making it in JavaScript takes seconds of the event loop.
 */
export async function createSelfSigned(names: readonly string[], nowMs: number): Promise<PemPair> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 })
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const forgeKey = forge.pki.privateKeyFromPem(privateKey.export({ type: 'pkcs1', format: 'pem' }).toString())
  const cert = forge.pki.createCertificate()
  cert.publicKey = forge.pki.setRsaPublicKey(forgeKey.n, forgeKey.e)
  // A serial number is positive: the highest bit stays 0 (RFC 5280 §4.1.2.2).
  cert.serialNumber = `0${randomBytes(16).toString('hex').slice(1)}`
  cert.validity.notBefore = new Date(nowMs - 24 * 3600_000)
  cert.validity.notAfter = new Date(nowMs + lifetimeYears * 365.25 * 24 * 3600_000)
  const subject = [{ name: 'commonName', value: (names[0] ?? 'localhost').slice(0, 64) }]
  cert.setSubject(subject)
  cert.setIssuer(subject)
  cert.setExtensions([
    { name: 'basicConstraints', cA: false },
    { name: 'keyUsage', digitalSignature: true, keyEncipherment: true },
    { name: 'extKeyUsage', serverAuth: true },
    { name: 'subjectAltName', altNames: names.map(alternativeName) },
  ])
  cert.sign(forgeKey, forge.md.sha256.create())
  return { key, cert: forge.pki.certificateToPem(cert) }
}

/** Names of a PEM certificate for people: `mail.example.org, localhost`. */
export function namesOf(cert: string): string {
  const { subjectAltName, subject } = new X509Certificate(cert)
  return (subjectAltName ?? subject).replaceAll(/(DNS|IP Address):/g, '')
}
