import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeBase64, makeScramVerifier, ServerExchange, serverMechanisms } from '@posthorn/sasl'
import fc from 'fast-check'

const verifier = await makeScramVerifier(Buffer.from('pencil'), 4096)

const message = fc.oneof(
  fc.uint8Array({ maxLength: 80 }),
  fc.uint8Array({ maxLength: 80 }).map((octets) => Buffer.from(Buffer.from(octets).toString('base64'))),
  fc
    .array(fc.constantFrom(0, 61, 65, 97, 195, 164), { maxLength: 30 })
    .map((octets) => Buffer.from(Buffer.from(octets).toString('base64'))),
  fc.constantFrom('*', '=', '', '====', '*=').map((text) => Buffer.from(text)),
  fc
    .constantFrom(
      'n,,n=user,r=abc',
      'y,a=b,n=us=2Cer,r=abc',
      'p=tls-exporter,,n=u,r=x',
      'c=biws,r=abc,p=AAAA',
      'n,a=u,\x01auth=Bearer t\x01\x01',
      'user=u\x01auth=Bearer t\x01\x01',
    )
    .map((text) => Buffer.from(Buffer.from(text).toString('base64'))),
)

for (const mechanism of serverMechanisms)
  test(`fuzz: ${mechanism.name} comes to an end with each input, and gives text without NUL`, () => {
    fc.assert(
      fc.property(
        fc.option(message, { nil: undefined }),
        fc.array(message, { minLength: 3, maxLength: 5 }),
        (initial, lines) => {
          const exchange = new ServerExchange(mechanism, initial)
          for (const line of lines) {
            if (exchange.step.kind === 'lookup') exchange.provide(verifier)
            exchange.respond(line)
          }
          const { step } = exchange
          assert.notEqual(step.kind, 'challenge')
          if (step.kind !== 'credentials') return
          const { authzid, authcid } = step.credentials
          const { credentials } = step
          const password =
            'password' in credentials
              ? credentials.password
              : 'token' in credentials
                ? credentials.token
                : 'proof'
          for (const text of [authzid, authcid, password]) {
            assert.ok(!text.includes('\0'))
            assert.equal(text, text.toWellFormed())
          }
          if ('external' in step.credentials) assert.equal(authcid, '')
          else if ('token' in step.credentials) assert.match(password, /^[A-Za-z0-9._~+/-]+=*$/)
          else assert.notEqual(authcid, '')
          assert.notEqual(password, '')
        },
      ),
      { numRuns: 20_000 },
    )
  })

test('fuzz: strict base64 takes what an encoder makes, and nothing else', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (octets) => {
      const text = Buffer.from(Buffer.from(octets).toString('base64'))
      assert.deepEqual(decodeBase64(text), Buffer.from(octets))
    }),
  )
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...Buffer.from('AQgw9+/=-_ \r\n!')), { maxLength: 12 }),
      (octets) => {
        const text = Buffer.from(octets)
        const decoded = decodeBase64(text)
        if (decoded !== undefined) assert.equal(decoded.toString('base64'), text.toString('latin1'))
      },
    ),
    { numRuns: 20_000 },
  )
})
