import { request } from 'node:https'
import { getCACertificates } from 'node:tls'
import { answerStatus, answerText } from './answer-text.ts'

export interface HttpsQuestion {
  /** For the certificate and the Host field. */
  readonly host: string
  readonly address: string
  readonly port?: number
  readonly path: string
  readonly timeoutMs: number
  /** A longer answer is an error. */
  readonly maxBytes: number
  /** PEM, beside the authorities of the system. */
  readonly ca?: string
}

export interface HttpsAnswer {
  readonly status: number
  readonly contentType: string
  readonly text: string
}

/** GET over HTTPS from one address, with the certificate verified and no redirect followed. Rejects with the reason. */
export async function fetchHttps(question: HttpsQuestion): Promise<HttpsAnswer> {
  const { host, address, port = 443, path, timeoutMs, maxBytes, ca } = question
  const asked = request({
    host: address,
    port,
    path,
    method: 'GET',
    servername: host,
    headers: { host, accept: 'text/plain' },
    agent: false,
    signal: AbortSignal.timeout(timeoutMs),
    ...(ca === undefined ? {} : { ca: [...getCACertificates('default'), ca] }),
  })
  asked.end()
  const { response, text } = await answerText(asked, maxBytes)
  const { statusCode: status = 0, headers } = response
  return { status, contentType: headers['content-type'] ?? '', text }
}

export interface HttpsPost {
  /** For the Host field. */
  readonly host: string
  readonly address: string
  readonly port: number
  readonly path: string
  readonly contentType: string
  readonly body: Uint8Array
  readonly timeoutMs: number
}

/** POST over HTTPS; the status of the answer, whose text nobody reads. RFC 8460 §3: whatever certificate is shown. */
export function postHttps({
  host,
  address,
  port,
  path,
  contentType,
  body,
  timeoutMs,
}: HttpsPost): Promise<number> {
  const asked = request({
    host: address,
    port,
    path,
    method: 'POST',
    servername: host,
    rejectUnauthorized: false,
    headers: { host, 'content-type': contentType, 'content-length': body.length },
    agent: false,
    signal: AbortSignal.timeout(timeoutMs),
  })
  asked.end(body)
  return answerStatus(asked)
}
