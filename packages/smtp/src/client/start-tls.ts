import { createHash } from 'node:crypto'
import { isIP } from 'node:net'
import tls, {
  type ConnectionOptions,
  type SecureContext,
  type SecureContextOptions,
  type TLSSocket,
} from 'node:tls'
import { type CertificateTrust, judgeCertificate, webPkiFailure } from './certificate.ts'
import type { SmtpFailure } from './failure.ts'
import type { ClientTlsSettings, SmtpClientOptions, SmtpServerAddress } from './options.ts'
import type { TlsFailureType } from './tls-event.ts'

export interface RemoteTls {
  /** `TLSv1.3` */
  readonly protocol: string
  readonly cipher: string
  readonly trust: CertificateTrust
  readonly resumed: boolean
  /** Looked at where somebody asks (SmtpClientOptions.onTls). */
  readonly webPki?: TlsFailureType
}

const maxContexts = 50
const contexts = new Map<string, SecureContext>()

/** Making a context reads every authority of the system: one for each kind of settings. */
const contextFor = (settings: ClientTlsSettings): SecureContext => {
  const { ca, anchors, cert, key, minVersion, maxVersion, ciphers } = settings
  const name = JSON.stringify([ca, anchors, cert, key, minVersion, maxVersion, ciphers])
  const known = contexts.get(name)
  if (known !== undefined) return known
  if (contexts.size >= maxContexts) contexts.clear()
  const made = tls.createSecureContext({
    ...trustOf(ca, anchors),
    ...(cert === undefined || key === undefined ? {} : { cert: [cert].flat(), key: [key].flat() }),
    ...(minVersion === undefined ? {} : { minVersion }),
    ...(maxVersion === undefined ? {} : { maxVersion }),
    ...(ciphers === undefined ? {} : { ciphers }),
  })
  contexts.set(name, made)
  return made
}

/** Absent: the authorities of the system. */
function trustOf(ca: string | undefined, anchors: string | undefined): SecureContextOptions {
  if (anchors !== undefined) return { ca: anchors, allowPartialTrustChain: true }
  return ca === undefined ? {} : { ca: [...tls.getCACertificates('default'), ca] }
}

/** A session is good for the same server under the same demands: what was verified once need not be again. */
const sessionKey = ({ host, address, port }: SmtpServerAddress, options: SmtpClientOptions): string => {
  const { tlsLevel, certificate, tls: settings = {} } = options
  const { sessions: _, ...rest } = settings
  const demand = JSON.stringify([tlsLevel, certificate, rest], (_name, value) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value,
  )
  return `${host} ${address} ${port} ${createHash('sha256').update(demand).digest('base64')}`
}

/** The options for one TLS handshake, and what came of it. RFC 3207 §4, RFC 8314 §3.3. */
export const createTlsStart = (server: SmtpServerAddress, options: SmtpClientOptions) => {
  const settings = options.tls ?? {}
  const key = sessionKey(server, options)
  const { sessions } = settings
  return {
    options: (): ConnectionOptions => {
      const kept = sessions?.take(key)
      const serverName = settings.serverName ?? (isIP(server.host) === 0 ? server.host : '')
      return {
        secureContext: contextFor(settings),
        rejectUnauthorized: false,
        // Names are ours to judge: which of them fit is for the level to say.
        checkServerIdentity: () => undefined,
        ...(serverName === '' ? {} : { servername: serverName }),
        ...(kept === undefined ? {} : { session: kept }),
      }
    },
    judge: (socket: TLSSocket): RemoteTls | SmtpFailure => {
      const resumed = socket.isSessionReused()
      const { tlsLevel, certificate = {} } = options
      // Node gives it once.
      const leaf = socket.getPeerX509Certificate()
      const verdict = judgeCertificate(socket, leaf, tlsLevel, certificate, server.host, Date.now())
      // What a session does not remember (the chain) was judged when it began, under the same key.
      if (verdict.kind === 'bad' && !resumed)
        return { kind: 'tls', status: '4.7.5', text: verdict.text, tls: verdict.type }
      if (sessions !== undefined) {
        const before = socket.getSession()
        if (socket.getProtocol() !== 'TLSv1.3' && before !== undefined) sessions.keep(key, before)
        socket.on('session', (session: Buffer) => sessions.keep(key, session))
      }
      const webPki = options.onTls === undefined ? undefined : webPkiFailure(socket, leaf, server.host)
      return {
        ...(webPki === undefined ? {} : { webPki }),
        protocol: socket.getProtocol() ?? '',
        cipher: socket.getCipher().name,
        trust: verdict.kind === 'good' ? verdict.trust : 'Verified',
        resumed,
      }
    },
  }
}
