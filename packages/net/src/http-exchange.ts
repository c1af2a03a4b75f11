import type { ClientRequest } from 'node:http'
import { Agent, request as requestSecure } from 'node:https'
import { createSecureContext, getCACertificates } from 'node:tls'
import { answerText } from './answer-text.ts'
import { request as requestPlain } from './node-http.ts'

export interface HttpQuestion {
  /** http: or https:; a name in it is looked up as the system does (/etc/hosts, search domains). */
  readonly url: URL
  readonly method: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

export interface HttpAnswer {
  readonly status: number
  readonly text: string
}

export interface HttpClientOptions {
  /** For the whole exchange, ms. */
  readonly timeoutMs: number
  /** A longer answer is an error. */
  readonly maxBytes: number
  /** PEM, beside the authorities of the system. */
  readonly ca?: string
  /** PEM: who we are. */
  readonly cert?: string
  readonly key?: string
}

/** A service of the house asked over HTTP. Rejects with the reason, which holds neither the question nor its fields. */
export type HttpClient = (question: HttpQuestion) => Promise<HttpAnswer>

/**
 * One connection a question, certificates verified, no redirect followed, time and length limited.
 * @throws Error for a PEM that is none.
 */
export function createHttpClient({ timeoutMs, maxBytes, ca, cert, key }: HttpClientOptions): HttpClient {
  // Some hundred authorities: read once, not at each question.
  const secureContext = createSecureContext({
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(ca === undefined ? {} : { ca: [...getCACertificates('default'), ca] }),
  })
  const secure = new Agent({ secureContext })

  return ({ url, method, headers = {}, body }) => {
    const options = {
      method,
      headers: {
        ...headers,
        ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
      },
      signal: AbortSignal.timeout(timeoutMs),
    } as const
    const asked: ClientRequest =
      url.protocol === 'https:'
        ? requestSecure(url, { ...options, agent: secure })
        : requestPlain(url, { ...options, agent: false })
    asked.end(body)
    return answerText(asked, maxBytes).then(
      ({ response: { statusCode: status = 0 }, text }) => ({ status, text }),
      (error: Error) => {
        throw error.name === 'AbortError' ? new Error(`no answer in ${timeoutMs} ms`) : error
      },
    )
  }
}
