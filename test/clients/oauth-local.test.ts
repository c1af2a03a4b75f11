/** Dovecot's introspection_mode = local: tokens that say all themselves, and keys from files or from their server. */
import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { after, afterEach, before, describe, test } from 'node:test'
import { alice, bob } from './mail-server.ts'
import { b64, bearer, granted, later, loginsAt, protocols, refused } from './oauth-dialogue.ts'
import { type OauthSite, startOauthSite } from './oauth-site.ts'

let site: OauthSite
let identity: OauthSite['identity']
let file: OauthSite['file']
let configure: OauthSite['configure']
before(async () => {
  site = await startOauthSite()
  ;({ identity, file, configure } = site)
})
after(async () => await site.stop())
afterEach(() => {
  identity.behaviour = 'right'
})

const { last } = loginsAt(() => site.server)

describe('introspection_mode = local: JWTs by the keys at hand', () => {
  const secret = Buffer.from('a secret of thirty-two octets ...')
  const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const curve = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pem = (key: typeof curve.publicKey): string => key.export({ type: 'spki', format: 'pem' }).toString()

  before(async () => {
    file('keys/default/RS256/default', identity.publicKey)
    file('keys/default/RS256/k%2f1', identity.publicKey)
    file('keys/webmail/ES256/default', JSON.stringify(curve.publicKey.export({ format: 'jwk' })))
    file('keys/default/HS256/default', secret.toString('base64'))
    file('stranger/RS256/default', pem(stranger.publicKey))
    await configure(
      `introspection_mode = local
local_validation_key_dict = fs:posix:prefix=${site.folder}/keys/
issuers = https://other.example.org https://id.example.org
audience = posthorn
scope = mail`,
    )
    identity.asked.length = 0
  })
  after(async () => {
    assert.deepEqual(identity.asked, [])
    await configure(site.usual)
  })

  const claims = { email: alice.address, scope: 'mail', aud: ['web', 'posthorn'] }
  const seconds = (from: number): number => Math.floor(Date.now() / 1000) + from

  test('signed with RSA, ECDSA and HMAC', async () => {
    for (const token of [
      identity.issue(claims),
      identity.issue(claims, { kid: 'k/1' }),
      identity.issue({ ...claims, azp: 'webmail' }, { key: curve.privateKey, alg: 'ES256' }),
      identity.issue(claims, { key: secret, alg: 'HS256' }),
    ])
      for (const protocol of protocols)
        assert.match(await last(protocol, bearer(alice.address, token)), granted[protocol])
  })

  test('RFC 8725: anything else is refused', async () => {
    const right = identity.issue(claims)
    const [header = '', payload = '', signature = ''] = right.split('.')
    const url64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
    const rows: Readonly<Record<string, string>> = {
      'another key': identity.issue(claims, { key: stranger.privateKey }),
      'none at all': `${url64({ alg: 'none' })}.${payload}.`,
      'other claims': `${header}.${url64({ ...claims, email: bob.address, exp: seconds(60), iss: 'https://id.example.org' })}.${signature}`,
      'the public key as a secret': identity.issue(claims, {
        key: Buffer.from(identity.publicKey),
        alg: 'HS256',
      }),
      'out of the folder': identity.issue(
        { ...claims, azp: '..' },
        { key: stranger.privateKey, kid: '../../stranger/RS256/default' },
      ),
      'an unknown kid': identity.issue(claims, { kid: 'k2' }),
      'a kid that is empty': identity.issue(claims, { kid: '' }),
      'a kid that is a number': identity.issue(claims, { kid: 7 }),
      expired: identity.issue({ ...claims, exp: seconds(-60) }),
      'without an end': identity.issue({ ...claims, exp: undefined }),
      'not yet': identity.issue({ ...claims, nbf: seconds(60) }),
      'of another issuer': identity.issue({ ...claims, iss: 'https://evil.example.org' }),
      'for another audience': identity.issue({ ...claims, aud: 'web' }),
      'of another scope': identity.issue({ ...claims, scope: 'calendar' }),
      'no JWT': 'opaque-token',
      'no user': identity.issue({ ...claims, email: '' }),
    }
    for (const [why, token] of Object.entries(rows))
      assert.match(await last('imap', bearer('', token), ''), refused.imap, why)
  })
})

describe('introspection_mode = local: JWTs by the keys that their server publishes', () => {
  const claims = { email: alice.address, scope: 'mail', aud: 'posthorn' }
  const rules = 'introspection_mode = local\naudience = posthorn\nscope = mail\ntimeout_msecs = 500\n'
  const published = (): string =>
    `${rules}tls_ca_cert_file = ${site.ca}\njwks_url = https://localhost:${identity.port}/jwks\n`
  after(async () => await configure(site.usual))

  test('by HTTPS: fetched once, for all tokens and protocols', async () => {
    await configure(published())
    identity.asked.length = 0
    for (const protocol of protocols) {
      for (const kid of ['k1', undefined])
        assert.match(
          await last(protocol, bearer(alice.address, identity.issue(claims, { kid }))),
          granted[protocol],
        )
      for (const token of [
        identity.issue({ ...claims, aud: 'web' }),
        identity.issue(claims, { kid: 'k2' }),
        identity.issue(claims, { key: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey }),
        identity.issue(claims, { key: Buffer.from(identity.publicKey), alg: 'HS256' }),
      ])
        assert.match(await last(protocol, bearer('', token), ''), refused[protocol])
    }
    assert.deepEqual(identity.asked, ['GET /jwks'])
  })

  test('a server that is silent, or a stranger: try later, and passwords as ever', async () => {
    identity.behaviour = 'silent'
    await configure(published())
    assert.match(await last('imap', bearer('', identity.issue(claims))), later.imap)
    const password = `PLAIN ${b64(`\0alice\0${alice.password}`)}`
    assert.match(await last('imap', password), granted.imap)
    identity.behaviour = 'right'
    await configure(published().replace(/tls_ca.*\n/, ''))
    assert.match(await last('smtp', bearer('', identity.issue(claims))), later.smtp)
    assert.match(site.events.map(({ text }) => text).join('\n'), /no keys: no answer in 500 ms/)
  })

  test('from a file', async () => {
    const key = createPublicKey(identity.publicKey).export({ format: 'jwk' })
    const path = file('jwks.json', JSON.stringify({ keys: [key] }))
    await configure(`${rules}jwks_url = file://${path}`)
    assert.match(await last('pop3', bearer('', identity.issue(claims))), granted.pop3)
    await configure(`${rules}jwks_url = file://${path}.missing`)
    assert.match(await last('pop3', bearer('', identity.issue(claims))), later.pop3)
  })
})
