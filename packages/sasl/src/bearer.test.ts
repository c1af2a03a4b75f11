import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { SaslStep } from './exchange.ts'
import { findMechanism, offeredMechanisms } from './mechanisms.ts'
import { ServerExchange } from './server-exchange.ts'

const b64 = (text: string): string => Buffer.from(text).toString('base64')

function begin(name: string, initial?: string): ServerExchange {
  const mechanism = findMechanism(name)
  assert.ok(mechanism)
  return new ServerExchange(mechanism, initial === undefined ? undefined : Buffer.from(b64(initial) || '='))
}

/** `user token`, or what went wrong. */
function outcome({ step }: { readonly step: SaslStep }): string {
  if (step.kind === 'failed') return step.failure
  if (step.kind !== 'credentials' || !('token' in step.credentials)) return step.kind
  const { authzid, authcid, token } = step.credentials
  assert.equal(authzid, '')
  return `${authcid} ${token}`
}

const token = 'vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=='

describe('OAUTHBEARER', () => {
  const rows: readonly (readonly [why: string, message: string, expected: string])[] = [
    [
      'RFC 7628 §4.1, its example',
      `n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=Bearer ${token}\x01\x01`,
      `user@example.com ${token}`,
    ],
    ['no authzid: whom the token names', `n,,\x01auth=Bearer ${token}\x01\x01`, ` ${token}`],
    ['a client that could bind a channel', `y,a=u,\x01auth=Bearer t\x01\x01`, 'u t'],
    ['RFC 7628 §4: the scheme in any case', `n,a=u,\x01auth=BeArEr t\x01\x01`, 'u t'],
    [
      'RFC 7628 §3.1: unknown pairs are ignored',
      `n,a=u,\x01mthd=POST\x01xyz=1=2\x01auth=Bearer t\x01\x01`,
      'u t',
    ],
    ['RFC 5801 §4: escapes of a saslname', `n,a=a=2Cb=3Dc,\x01auth=Bearer t\x01\x01`, 'a,b=c t'],
    ['UTF-8 names', `n,a=jürgen@example.org,\x01auth=Bearer t\x01\x01`, 'jürgen@example.org t'],
    ['RFC 6750 §2.1: all of b64token', `n,,\x01auth=Bearer aZ0-._~+/==\x01\x01`, ' aZ0-._~+/=='],
    ['RFC 5801 §4: no other escape', `n,a=a=2c,\x01auth=Bearer t\x01\x01`, 'malformed'],
    ['an empty authzid', `n,a=,\x01auth=Bearer t\x01\x01`, 'malformed'],
    ['a channel binding that there is not', `p=tls-exporter,,\x01auth=Bearer t\x01\x01`, 'malformed'],
    ['RFC 7628 §3.1: a lone kvsep comes after an error only', '\x01', 'malformed'],
    ['no header', `auth=Bearer t\x01\x01`, 'malformed'],
    ['no token', `n,a=u,\x01host=h\x01\x01`, 'malformed'],
    ['an empty token', `n,a=u,\x01auth=Bearer \x01\x01`, 'malformed'],
    ['two tokens', `n,a=u,\x01auth=Bearer t\x01auth=Bearer s\x01\x01`, 'malformed'],
    ['what is no token', `n,a=u,\x01auth=Bearer a b\x01\x01`, 'malformed'],
    ['another scheme', `n,a=u,\x01auth=Basic dTpw\x01\x01`, 'malformed'],
    ['a pair without a key', `n,a=u,\x01=x\x01auth=Bearer t\x01\x01`, 'malformed'],
    ['NUL', `n,a=u\0,\x01auth=Bearer t\x01\x01`, 'malformed'],
    ['nothing', '', 'malformed'],
  ]
  for (const [why, message, expected] of rows)
    test(why, () => {
      assert.equal(outcome(begin('OAUTHBEARER', message)), expected)
      const asked = begin('OAUTHBEARER')
      assert.equal(asked.challenge, '')
      asked.respond(Buffer.from(b64(message)))
      assert.equal(outcome(asked), expected)
    })

  test('RFC 7628 §3.2.2, §4.3: who is refused hears why, says something, and has failed', () => {
    for (const last of ['AQ==', '', b64('whatever'), '!!', '*']) {
      const exchange = begin('OAUTHBEARER', `n,a=u,\x01auth=Bearer t\x01\x01`)
      exchange.refuse({
        status: 'insufficient_scope',
        scope: 'mail',
        openidConfiguration: 'https://id.example.org/.well-known/openid-configuration',
      })
      assert.equal(
        Buffer.from(exchange.challenge, 'base64').toString(),
        '{"status":"insufficient_scope","scope":"mail","openid-configuration":"https://id.example.org/.well-known/openid-configuration"}',
      )
      assert.equal(exchange.respond(Buffer.from(last)).kind, 'failed')
    }
    const exchange = begin('OAUTHBEARER', `n,,\x01auth=Bearer t\x01\x01`)
    exchange.refuse({ status: 'invalid_token' })
    assert.equal(Buffer.from(exchange.challenge, 'base64').toString(), '{"status":"invalid_token"}')
    assert.equal(outcome({ step: exchange.respond(Buffer.from('AQ==')) }), 'refused')
  })

  test('who is granted is in at once', () => {
    assert.equal(begin('OAUTHBEARER', `n,,\x01auth=Bearer t\x01\x01`).confirm().kind, 'done')
  })
})

describe('XOAUTH2', () => {
  const rows: readonly (readonly [why: string, message: string, expected: string])[] = [
    [
      'the example of its makers',
      `user=someuser@example.com\x01auth=Bearer ya29.vF9\x01\x01`,
      'someuser@example.com ya29.vF9',
    ],
    ['a name with = in it', `user=a=b@example.com\x01auth=Bearer t\x01\x01`, 'a=b@example.com t'],
    ['no user', `user=\x01auth=Bearer t\x01\x01`, 'malformed'],
    ['no user at all', `auth=Bearer t\x01\x01`, 'malformed'],
    ['no token', `user=u\x01\x01`, 'malformed'],
    ["OAUTHBEARER's message", `n,a=u,\x01auth=Bearer t\x01\x01`, 'malformed'],
  ]
  for (const [why, message, expected] of rows)
    test(why, () => assert.equal(outcome(begin('xoauth2', message)), expected))

  test('who is refused hears it in the words of its makers', () => {
    const exchange = begin('XOAUTH2', `user=u\x01auth=Bearer t\x01\x01`)
    exchange.refuse({ status: 'invalid_token', scope: 'imap smtp' })
    assert.equal(
      Buffer.from(exchange.challenge, 'base64').toString(),
      '{"status":"401","schemes":"bearer","scope":"imap smtp"}',
    )
    assert.equal(outcome({ step: exchange.respond(Buffer.from('')) }), 'refused')
  })
})

test('RFC 7628 §3: tokens are offered under TLS alone', () => {
  const names = ['OAUTHBEARER', 'XOAUTH2']
  const offered = (plaintext: 'allowed' | 'refused') =>
    offeredMechanisms({ names, plaintext }).map(({ name }) => name)
  assert.deepEqual(offered('allowed'), names)
  assert.deepEqual(offered('refused'), [])
  assert.deepEqual(
    offeredMechanisms({ plaintext: 'allowed' }).filter(({ token: is }) => is),
    [],
  )
})

test('mechanisms without a last word end where they are refused', () => {
  const exchange = begin('PLAIN', '\0u\0p')
  assert.equal(outcome({ step: exchange.refuse({ status: 'invalid_token' }) }), 'refused')
})
