import { createHash, generateKeyPairSync, X509Certificate } from 'node:crypto'
import forge from 'node-forge'

export interface MadeCertificate {
  /** PEM; for a server the chain that it sends. */
  readonly cert: string
  readonly key: string
  readonly x509: X509Certificate
}

/** A certificate for tests: an authority, or a server's, signed by itself or by `issuer`. */
export const makeCertificate = (wanted: {
  readonly name: string
  readonly kind: 'authority' | 'server'
  readonly issuer?: MadeCertificate
  /** ms from now. */
  readonly endsInMs?: number
}): MadeCertificate => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const key = privateKey.export({ type: 'pkcs1', format: 'pem' }).toString()
  const forgeKey = forge.pki.privateKeyFromPem(key)
  const certificate = forge.pki.createCertificate()
  certificate.publicKey = forge.pki.setRsaPublicKey(forgeKey.n, forgeKey.e)
  certificate.serialNumber = `0${createHash('sha256').update(key).digest('hex').slice(0, 31)}`
  certificate.validity.notBefore = new Date(Date.now() - 2 * 86_400_000)
  certificate.validity.notAfter = new Date(Date.now() + (wanted.endsInMs ?? 86_400_000))
  certificate.setSubject([{ name: 'commonName', value: wanted.name }])
  const { issuer } = wanted
  const issuerName = issuer === undefined ? wanted.name : issuer.x509.subject.replace(/^CN=/, '')
  certificate.setIssuer([{ name: 'commonName', value: issuerName }])
  certificate.setExtensions(
    wanted.kind === 'authority'
      ? [
          { name: 'basicConstraints', cA: true, critical: true },
          { name: 'keyUsage', keyCertSign: true, cRLSign: true },
        ]
      : [
          { name: 'basicConstraints', cA: false },
          { name: 'subjectAltName', altNames: [{ type: 2, value: wanted.name }] },
        ],
  )
  const signer = issuer === undefined ? forgeKey : forge.pki.privateKeyFromPem(issuer.key)
  certificate.sign(signer, forge.md.sha256.create())
  const pem = forge.pki.certificateToPem(certificate)
  return { cert: pem + (issuer?.cert ?? ''), key, x509: new X509Certificate(pem) }
}
