import { decodeText, type MechanismRun, malformed, type SaslStep, type ServerMechanism } from './exchange.ts'

/** What a client may know of why its token is of no use. RFC 7628 §3.2.2. */
export interface TokenRefusal {
  readonly status: 'invalid_token' | 'insufficient_scope'
  /** The scope a token needs; words between blanks. */
  readonly scope?: string
  /** Where the client finds out how to get another one. */
  readonly openidConfiguration?: string
}

/** OAUTHBEARER: `n,a=user,^Ahost=…^Aport=…^Aauth=Bearer token^A^A`. RFC 7628 §3.1. */
export const oauthBearer: ServerMechanism = bearerMechanism('OAUTHBEARER', {
  readUser(head) {
    const match = /^[ny],(?:a=([^,]+))?,$/.exec(head)
    return match === null ? undefined : readSaslName(match[1] ?? '')
  },
  refusal: ({ status, scope, openidConfiguration }) => ({
    status,
    ...(scope === undefined ? {} : { scope }),
    ...(openidConfiguration === undefined ? {} : { 'openid-configuration': openidConfiguration }),
  }),
})

/** XOAUTH2: `user=user^Aauth=Bearer token^A^A`, as Google made it before there was a standard. */
export const xoauth2: ServerMechanism = bearerMechanism('XOAUTH2', {
  readUser: (head) => (head.startsWith('user=') && head.length > 5 ? head.slice(5) : undefined),
  refusal: ({ status, scope }) => ({
    status: status === 'insufficient_scope' ? '403' : '401',
    schemes: 'bearer',
    scope: scope ?? 'mail',
  }),
})

interface Dialect {
  /** Who the client says it is, from what stands before the first ^A; '' = nobody; undefined: no such message. */
  readUser(head: string): string | undefined
  refusal(refusal: TokenRefusal): Readonly<Record<string, string>>
}

function bearerMechanism(name: string, dialect: Dialect): ServerMechanism {
  const respond = (message: Buffer): SaslStep => readToken(name, dialect, message)
  const run: MechanismRun = {
    respond,
    refuse: (refusal) => Buffer.from(JSON.stringify(dialect.refusal(refusal))),
  }
  return {
    name,
    // RFC 7628 §3: who hears the token can use it; TLS is a must.
    plaintext: true,
    token: true,
    begin: (initial) =>
      initial === undefined
        ? { run, step: { kind: 'challenge', data: Buffer.alloc(0) } }
        : { run, step: respond(initial) },
  }
}

function readToken(mechanism: string, dialect: Dialect, message: Buffer): SaslStep {
  const [head = '', ...pairs] = decodeText(message)?.split('\x01') ?? []
  const user = dialect.readUser(head)
  if (user === undefined) return malformed(`${mechanism}: not such a message`)
  // Unknown keys are passed over (RFC 7628 §3.1); host and port are what the client was told to call us.
  const fields = new Map<string, string>()
  for (const pair of pairs) {
    if (pair === '') continue
    const [, key = '', value = ''] = /^([A-Za-z]+)=(.*)$/s.exec(pair) ?? []
    if (key === '') return malformed(`${mechanism}: a pair without a key`)
    if (fields.has(key)) return malformed(`${mechanism}: a key twice`)
    fields.set(key, value)
  }
  // RFC 6750 §2.1: b64token.
  const token = /^bearer +([A-Za-z0-9._~+/-]+=*) *$/i.exec(fields.get('auth') ?? '')?.[1]
  if (token === undefined) return malformed(`${mechanism}: no bearer token`)
  return { kind: 'credentials', credentials: { mechanism, authzid: '', authcid: user, token } }
}

/** RFC 5801 §4: `=2C` is a comma, `=3D` an equals sign, and no other escape exists. */
function readSaslName(text: string): string | undefined {
  if (/=(?!2C|3D)/.test(text)) return undefined
  return text.replaceAll('=2C', ',').replaceAll('=3D', '=')
}
