import { createHash } from 'node:crypto'
import { isIP } from 'node:net'
import tls, { type SecureContext, type TLSSocket } from 'node:tls'
import { type CertificateTrust, judgeCertificate } from './certificate.ts'
import type { RemoteConnection } from './connection.ts'
import { lostFailure, type SmtpFailure, timeoutFailure } from './failure.ts'
import type { ClientTlsSettings, SmtpClientOptions, SmtpServerAddress } from './options.ts'

export interface RemoteTls {
  /** `TLSv1.3` */
  readonly protocol: string
  readonly cipher: string
  readonly trust: CertificateTrust
  readonly resumed: boolean
}

const maxContexts = 50
const contexts = new Map<string, SecureContext>()

/** Making a context reads every authority of the system: one for each kind of settings. */
const contextFor = (settings: ClientTlsSettings): SecureContext => {
  const { ca, cert, key, minVersion, maxVersion, ciphers } = settings
  const name = JSON.stringify([ca, cert, key, minVersion, maxVersion, ciphers])
  const known = contexts.get(name)
  if (known !== undefined) return known
  if (contexts.size >= maxContexts) contexts.clear()
  const made = tls.createSecureContext({
    ...(ca === undefined ? {} : { ca: [...tls.getCACertificates('default'), ca] }),
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
    ...(minVersion === undefined ? {} : { minVersion }),
    ...(maxVersion === undefined ? {} : { maxVersion }),
    ...(ciphers === undefined ? {} : { ciphers }),
  })
  contexts.set(name, made)
  return made
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

/** Hands the connection's socket to TLS and judges the certificate. RFC 3207 §4, RFC 8314 §3.3. */
export const startTls = async (
  connection: RemoteConnection,
  server: SmtpServerAddress,
  options: SmtpClientOptions,
): Promise<RemoteTls | SmtpFailure> => {
  const settings = options.tls ?? {}
  const timeoutMs = connection.timeouts.startTlsMs ?? connection.timeouts.heloMs
  const key = sessionKey(server, options)
  const kept = settings.sessions?.take(key)
  const serverName = settings.serverName ?? (isIP(server.host) === 0 ? server.host : '')
  connection.detach()
  const socket = tls.connect({
    socket: connection.socket,
    secureContext: contextFor(settings),
    rejectUnauthorized: false,
    // Names are ours to judge: which of them fit is for the level to say.
    checkServerIdentity: () => undefined,
    ...(serverName === '' ? {} : { servername: serverName }),
    ...(kept === undefined ? {} : { session: kept }),
  })
  const failure = await handshake(socket, timeoutMs, connection.peer)
  if (failure !== undefined) {
    socket.destroy()
    return failure
  }
  const resumed = socket.isSessionReused()
  const verdict = judgeCertificate(
    socket,
    options.tlsLevel,
    options.certificate ?? {},
    server.host,
    Date.now(),
  )
  // What a session does not remember (the chain) was judged when it began, under the same key.
  if (verdict.kind === 'bad' && !resumed) {
    socket.destroy()
    return { kind: 'tls', status: '4.7.5', text: verdict.text }
  }
  const { sessions } = settings
  if (sessions !== undefined) {
    const before = socket.getSession()
    if (socket.getProtocol() !== 'TLSv1.3' && before !== undefined) sessions.keep(key, before)
    socket.on('session', (session: Buffer) => sessions.keep(key, session))
  }
  connection.attach(socket)
  connection.secure = true
  return {
    protocol: socket.getProtocol() ?? '',
    cipher: socket.getCipher().name,
    trust: verdict.kind === 'good' ? verdict.trust : 'Verified',
    resumed,
  }
}

const handshake = (socket: TLSSocket, timeoutMs: number, peer: string): Promise<SmtpFailure | undefined> =>
  new Promise((resolve) => {
    const timer = setTimeout(
      () => end({ ...timeoutFailure(peer, 'performing the TLS handshake'), kind: 'tls' }),
      timeoutMs,
    )
    const end = (failure: SmtpFailure | undefined): void => {
      clearTimeout(timer)
      socket.off('error', failed)
      socket.off('close', closed)
      socket.off('secureConnect', secured)
      socket.on('error', () => undefined)
      resolve(failure)
    }
    const failed = (error: Error): void =>
      end({ kind: 'tls', status: '4.7.5', text: `Cannot start TLS: ${error.message}` })
    const closed = (): void => end({ ...lostFailure(peer, 'performing the TLS handshake'), kind: 'tls' })
    const secured = (): void => end(undefined)
    socket.once('error', failed)
    socket.once('close', closed)
    socket.once('secureConnect', secured)
  })
