import { lookupFirst } from '../../tables/index.ts'
import { clientSubject } from '../request.ts'
import { restriction } from '../restriction.ts'
import { dunno, permit } from '../verdict.ts'

/** The client shows a certificate whose fingerprint, or whose key's, relay_clientcerts names; who issued it does not matter. */
export const permitTlsClientcerts = restriction({
  names: ['permit_tls_clientcerts'],
  about: clientSubject,
  make:
    ({ clientCertificates, fingerprintDigest }) =>
    (request) => {
      const shown = request.connection?.tls?.clientCertificate
      if (shown === undefined || clientCertificates.length === 0) return dunno
      const prints = [shown.fingerprint(fingerprintDigest), shown.publicKeyFingerprint(fingerprintDigest)]
      return prints.some((print) => lookupFirst(clientCertificates, print) !== undefined) ? permit : dunno
    },
})

/** The client shows any certificate of an authority in smtpd_tls_CAfile. */
export const permitTlsAllClientcerts = restriction({
  names: ['permit_tls_all_clientcerts'],
  make: () => (request) => (request.connection?.tls?.clientCertificate?.trust === 'trusted' ? permit : dunno),
})
