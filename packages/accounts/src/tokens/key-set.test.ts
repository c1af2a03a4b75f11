import assert from 'node:assert/strict'
import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { mock, test } from 'node:test'
import { createKeySet } from './key-set.ts'
import { createLocalValidation } from './local-validation.ts'

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const other = generateKeyPairSync('rsa', { modulusLength: 2048 })
const curve = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const edwards = generateKeyPairSync('ed25519')

const jwk = (key: KeyObject, more: object = {}) => ({ ...key.export({ format: 'jwk' }), ...more })
const setOf = (...keys: object[]): string => JSON.stringify({ keys })

function token(header: { alg: string; kid?: string }, key: KeyObject | string, claims: object = {}): string {
  const url64 = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const exp = Math.floor(Date.now() / 1000) + 300
  const text = `${url64(header)}.${url64({ email: 'alice@example.org', exp, ...claims })}`
  const hash = header.alg === 'EdDSA' ? null : 'sha256'
  const signature =
    typeof key === 'string'
      ? createHmac('sha256', key).update(text).digest()
      : sign(hash, Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' })
  return `${text}.${signature.toString('base64url')}`
}

function validator(load: () => Promise<string>) {
  const logged: string[] = []
  const rules = {
    usernameAttribute: 'email',
    activeAttribute: '',
    activeValue: '',
    scopes: [],
    issuers: [],
    audiences: [],
  }
  const now = (): number => Date.now()
  const { validate } = createLocalValidation(
    { name: 'oauth2 test', advice: {}, rules, keys: createKeySet(load, now) },
    { now, log: ({ text }) => logged.push(text) },
  )
  const kind = async (one: string): Promise<string> => (await validate(one)).kind
  return { validate, kind, logged }
}

test('RFC 7517: the key that a token names, of each kind', async () => {
  const keys = setOf(
    jwk(rsa.publicKey, { kid: 'r', use: 'sig', alg: 'RS256' }),
    jwk(curve.publicKey, { kid: 'c' }),
    jwk(edwards.publicKey, { kid: 'e' }),
    jwk(other.publicKey, { kid: 'sealed', use: 'enc' }),
    { kty: 'of the future', kid: 'f' },
  )
  let loads = 0
  const { kind, validate } = validator(async () => {
    loads++
    return keys
  })
  const good = await validate(token({ alg: 'RS256', kid: 'r' }, rsa.privateKey))
  assert.equal(good.kind === 'valid' && good.user, 'alice@example.org')
  assert.equal(await kind(token({ alg: 'ES256', kid: 'c' }, curve.privateKey)), 'valid')
  assert.equal(await kind(token({ alg: 'EdDSA', kid: 'e' }, edwards.privateKey)), 'valid')
  assert.equal(await kind(token({ alg: 'ES256' }, curve.privateKey)), 'valid')
  const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString()
  for (const bad of [
    token({ alg: 'RS256', kid: 'r' }, other.privateKey),
    token({ alg: 'RS256', kid: 'c' }, rsa.privateKey),
    token({ alg: 'RS256', kid: 'unknown' }, rsa.privateKey),
    token({ alg: 'RS256', kid: 'sealed' }, other.privateKey),
    token({ alg: 'HS256', kid: 'r' }, pem),
    token({ alg: 'HS256', kid: 'r' }, JSON.stringify(jwk(rsa.publicKey))),
    token({ alg: 'RS256', kid: 'r' }, rsa.privateKey, { exp: 1 }),
    token({ alg: 'RS256', kid: 'r' }, rsa.privateKey, { exp: undefined }),
    'no.j.wt',
  ])
    assert.equal(await kind(bad), 'invalid', bad)
  assert.equal(loads, 1)
})

test('a token that names no key: one of those that could have signed it', async () => {
  const { kind } = validator(async () => setOf(jwk(rsa.publicKey), jwk(other.publicKey)))
  assert.equal(await kind(token({ alg: 'RS256' }, rsa.privateKey)), 'valid')
  assert.equal(await kind(token({ alg: 'RS256' }, other.privateKey)), 'valid')
  const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 })
  assert.equal(await kind(token({ alg: 'RS256' }, stranger.privateKey)), 'invalid')
  assert.equal(await kind(token({ alg: 'RS256' }, other.privateKey, { exp: 1 })), 'invalid')
})

test('new keys are seen: at once after half a minute, all after ten', async () => {
  mock.timers.enable({ apis: ['Date'], now: 1_800_000_000_000 })
  try {
    let keys = setOf(jwk(rsa.publicKey, { kid: '1' }))
    let loads = 0
    const { kind } = validator(async () => {
      loads++
      return keys
    })
    const first = (): string => token({ alg: 'RS256', kid: '1' }, rsa.privateKey)
    const second = (): string => token({ alg: 'RS256', kid: '2' }, other.privateKey)
    assert.equal(await kind(first()), 'valid')
    keys = setOf(jwk(other.publicKey, { kid: '2' }))
    mock.timers.tick(29_000)
    assert.equal(await kind(second()), 'invalid')
    mock.timers.tick(2_000)
    assert.equal(await kind(first()), 'valid')
    assert.equal(loads, 1)
    assert.equal(await kind(second()), 'valid')
    assert.equal(await kind(first()), 'invalid')
    assert.equal(loads, 2)
    keys = setOf(jwk(rsa.publicKey, { kid: '2' }))
    mock.timers.tick(599_000)
    assert.equal(await kind(second()), 'valid')
    mock.timers.tick(2_000)
    assert.equal(await kind(second()), 'invalid')
    assert.equal(loads, 3)
  } finally {
    mock.timers.reset()
  }
})

test('keys that cannot be had: try later; asked once in two seconds, told once', async () => {
  mock.timers.enable({ apis: ['Date'], now: 1_800_000_000_000 })
  try {
    const answers: readonly (readonly [() => Promise<string>, RegExp])[] = [
      [async () => await Promise.reject(new Error('answered 503')), /^oauth2 test: no keys: answered 503$/],
      [async () => '<html>', /no keys: Unexpected token/],
      [async () => '{"error":"x"}', /no keys: .*malformed/],
    ]
    for (const [answer, text] of answers) {
      let loads = 0
      let load = answer
      const { kind, logged } = validator(async () => {
        loads++
        return await load()
      })
      const good = token({ alg: 'RS256', kid: '1' }, rsa.privateKey)
      assert.deepEqual([await kind(good), await kind(good)], ['unavailable', 'unavailable'])
      assert.equal(loads, 1)
      assert.equal(logged.length, 1)
      assert.match(logged[0] ?? '', text)
      load = async () => setOf(jwk(rsa.publicKey, { kid: '1' }))
      mock.timers.tick(2_001)
      assert.equal(await kind(good), 'valid')
    }
  } finally {
    mock.timers.reset()
  }
})

test('a private key in the set is none of ours to use', async () => {
  const { kind, logged } = validator(async () => setOf(jwk(rsa.privateKey, { kid: '1' })))
  assert.equal(await kind(token({ alg: 'RS256', kid: '1' }, rsa.privateKey)), 'unavailable')
  assert.match(logged[0] ?? '', /must be public keys/)
})
