import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { createServer as createPlain, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createSecure } from 'node:https'
import type { AddressInfo } from 'node:net'

export interface IdentityServer {
  readonly port: number
  /** `GET /introspect`, without anything secret. */
  readonly asked: string[]
  /** Public, PEM. */
  readonly publicKey: string
  /** What it answers from now on. */
  behaviour: 'right' | 'silent' | 'broken' | 'no-json'
  /** Tokens that it took back. */
  readonly revoked: Set<string>
  /** As an authorization server makes it: RFC 9068. */
  issue(
    claims: Readonly<Record<string, unknown>>,
    more?: { kid?: unknown; key?: SigningKey; alg?: Algorithm },
  ): string
  stop(): Promise<void>
}

type SigningKey = KeyObject | Buffer
type Algorithm = 'RS256' | 'ES256' | 'HS256'

/** RFC 7515 §7.1, with nobody's library: what signs must not be what verifies. */
export function signJwt(header: { readonly alg: Algorithm }, payload: object, key: SigningKey): string {
  const url64 = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const text = `${url64(header)}.${url64(payload)}`
  const signature = Buffer.isBuffer(key)
    ? createHmac('sha256', key).update(text).digest()
    : sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' })
  return `${text}.${signature.toString('base64url')}`
}

export const client = { id: 'post horn', secret: 's3cret:/+é' }

/** An authorization server in small: signs tokens, and says about its own what they are worth (RFC 7662). */
export async function startIdentityServer(tls?: {
  readonly cert: string
  readonly key: string
}): Promise<IdentityServer> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const known = new Map<string, Readonly<Record<string, unknown>>>()
  const hanging = new Set<ServerResponse>()

  const claimsOf = (token: string): Readonly<Record<string, unknown>> | undefined => {
    const claims = known.get(token)
    const isOver = typeof claims?.['exp'] === 'number' && claims['exp'] * 1000 <= Date.now()
    return isOver || identity.revoked.has(token) ? undefined : claims
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', 'http://localhost')
    identity.asked.push(`${request.method} ${url.pathname}`)
    let body = ''
    for await (const piece of request) body += String(piece)
    const say = (status: number, value: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
    }
    if (identity.behaviour === 'silent') hanging.add(response)
    else if (identity.behaviour === 'broken') say(503, { error: 'temporarily_unavailable' })
    else if (identity.behaviour === 'no-json') response.end('<html>')
    else if (url.pathname === '/jwks')
      say(200, { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k1', use: 'sig', alg: 'RS256' }] })
    else if (url.pathname === '/introspect') {
      if (request.headers.authorization !== basic) return say(401, { error: 'invalid_client' })
      const claims = claimsOf(new URLSearchParams(body).get('token') ?? '')
      say(200, claims === undefined ? { active: false } : { active: true, ...claims })
    } else {
      const bearer = /^Bearer (.*)$/.exec(request.headers.authorization ?? '')?.[1]
      const claims = claimsOf(url.searchParams.get('access_token') ?? bearer ?? '')
      if (claims === undefined) say(url.pathname === '/tokeninfo' ? 400 : 401, { error: 'invalid_token' })
      else if (url.pathname === '/tokeninfo') say(200, { scope: claims['scope'], exp: claims['exp'] })
      else say(200, claims)
    }
  }

  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    answer(request, response).catch(() => response.destroy())
  }
  const server = tls === undefined ? createPlain(listener) : createSecure(tls, listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const identity: IdentityServer = {
    port: (server.address() as AddressInfo).port,
    asked: [],
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    behaviour: 'right',
    revoked: new Set(),
    issue(claims, { kid, key = privateKey, alg = 'RS256' } = {}) {
      const all = { exp: Math.floor(Date.now() / 1000) + 300, iss: 'https://id.example.org', ...claims }
      const signed = signJwt(
        { alg, ...(kid === undefined ? {} : { kid }) },
        { jti: String(known.size), ...all },
        key,
      )
      known.set(signed, all)
      return signed
    },
    stop: async () => {
      for (const response of hanging) response.destroy()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return identity
}

/** RFC 6749 §2.3.1: both in the form of application/x-www-form-urlencoded. */
const basic = `Basic ${Buffer.from(
  `${encodeURIComponent(client.id)}:${encodeURIComponent(client.secret)}`,
).toString('base64')}`
