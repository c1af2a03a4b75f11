import assert from 'node:assert/strict'
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import { describe, it } from 'node:test'
import type { ChannelBinding, SaslStep } from './exchange.ts'
import { findMechanism, offeredMechanisms } from './mechanisms.ts'
import { fakeScramVerifier, makeScramVerifier, parseScramVerifier } from './scram-verifier.ts'
import { ServerExchange } from './server-exchange.ts'

const b64 = (text: string | Buffer): Buffer => Buffer.from(Buffer.from(text).toString('base64'))
const exporter: ChannelBinding = { name: 'tls-exporter', octets: () => Buffer.from('keying material') }

/** RFC 5802 §3, the client's side. */
function clientFinal(password: string, firstBare: string, serverFirst: string, channel: string | Buffer) {
  const [r = '', s = '', i = ''] = serverFirst.split(',').map((part) => part.slice(2))
  const hmac = (key: Buffer, text: string) => createHmac('sha256', key).update(text).digest()
  const salted = pbkdf2Sync(password, Buffer.from(s, 'base64'), Number(i), 32, 'sha256')
  const clientKey = hmac(salted, 'Client Key')
  const withoutProof = `c=${b64(channel)},r=${r}`
  const auth = `${firstBare},${serverFirst},${withoutProof}`
  const signature = hmac(createHash('sha256').update(clientKey).digest(), auth)
  const proof = Buffer.from(clientKey.map((octet, at) => octet ^ signature[at]!))
  return {
    message: `${withoutProof},p=${proof.toString('base64')}`,
    serverSignature: hmac(hmac(salted, 'Server Key'), auth).toString('base64'),
  }
}

const verifier = makeScramVerifier(Buffer.from('pencil'), 4096)

async function begin(first: string, name = 'SCRAM-SHA-256', bindings: readonly ChannelBinding[] = []) {
  const exchange = new ServerExchange(findMechanism(name)!, b64(first), bindings)
  if (exchange.step.kind === 'lookup') exchange.provide(await verifier)
  return exchange
}

const shown = (step: SaslStep): string => (step.kind === 'failed' ? step.text : step.kind)

const serverFirstOf = ({ step }: ServerExchange): string =>
  step.kind === 'challenge' ? step.data.toString() : shown(step)

describe('RFC 7677 §3: SCRAM-SHA-256', () => {
  it('the example of the standard', async () => {
    const made = await makeScramVerifier(
      Buffer.from('pencil'),
      4096,
      Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'),
    )
    const parsed = parseScramVerifier(made)
    assert.equal(parsed?.iterations, 4096)
    const auth =
      'n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,' +
      's=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0'
    const signature = createHmac('sha256', parsed.serverKey).update(auth).digest('base64')
    assert.equal(signature, '6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=')
  })

  it('right password: credentials, the server’s signature, done', async () => {
    const bare = 'n=a=2Cb=3Dc,r=fyko+d2lbbFgONRv9qkxdawL'
    const exchange = await begin(`n,a=bob,${bare}`)
    const final = clientFinal('pencil', bare, serverFirstOf(exchange), 'n,a=bob,')
    const step = exchange.respond(b64(final.message))
    assert.equal(step.kind, 'credentials')
    assert.deepEqual(step.kind === 'credentials' && step.credentials, {
      mechanism: 'SCRAM-SHA-256',
      authzid: 'bob',
      authcid: 'a,b=c',
      proof: 'right',
      verifier: await verifier,
    })
    assert.equal(exchange.confirm().kind, 'challenge')
    assert.equal(Buffer.from(exchange.challenge, 'base64').toString(), `v=${final.serverSignature}`)
    assert.equal(exchange.respond(Buffer.alloc(0)).kind, 'done')
  })

  it('wrong password: wrong proof, and no signature', async () => {
    const bare = 'n=user,r=abc'
    const exchange = await begin(`n,,${bare}`)
    const step = exchange.respond(b64(clientFinal('pencils', bare, serverFirstOf(exchange), 'n,,').message))
    assert.ok(step.kind === 'credentials' && 'proof' in step.credentials)
    assert.equal(step.credentials.proof, 'wrong')
    assert.equal(step.final, undefined)
  })

  it('without an initial response the server asks for it', async () => {
    const exchange = new ServerExchange(findMechanism('scram-sha-256')!)
    assert.equal(exchange.challenge, '')
    assert.equal(exchange.respond(b64('n,,n=user,r=abc')).kind, 'lookup')
  })

  const refused: readonly (readonly [first: string, words: RegExp])[] = [
    [' ', /GS2/],
    ['n,', /GS2/],
    ['x,,n=user,r=abc', /GS2/],
    ['n,,m=x,n=user,r=abc', /extension/],
    ['n,,n=,r=abc', /user name/],
    ['n,,n=us=er,r=abc', /user name/],
    ['n,,n=user', /client-first/],
    ['n,,n=user,r=', /client-first/],
    ['n,,n=user,r=ab c', /client-first/],
    [`n,,n=user,r=${'x'.repeat(1025)}`, /nonce too long/],
    ['p=tls-exporter,,n=user,r=abc', /PLUS/],
    ['n,,n=us\0er,r=abc', /NUL/],
  ]
  for (const [first, words] of refused)
    it(`refused: ${JSON.stringify(first.slice(0, 40))}`, async () => {
      assert.match(shown((await begin(first)).step), words)
    })

  it('what does not belong to this exchange is refused', async () => {
    const bare = 'n=user,r=abc'
    const rows: readonly (readonly [(message: string) => string, RegExp])[] = [
      [(message) => message.replace(/r=abc/, 'r=abd'), /nonce mismatch/],
      [(message) => message.replace(/^c=[^,]*/, `c=${b64('y,,')}`), /channel binding mismatch/],
      [(message) => message.replace(/p=.*/, 'p=AAAA'), /client-final/],
      [(message) => message.replace(/,p=/, ',m=x,p='), /extension/],
      [() => '', /client-final/],
    ]
    for (const [change, words] of rows) {
      const exchange = await begin(`n,,${bare}`)
      const { message } = clientFinal('pencil', bare, serverFirstOf(exchange), 'n,,')
      assert.match(shown(exchange.respond(b64(change(message)))), words)
    }
  })
})

describe('RFC 5802 §6: channel binding', () => {
  const bare = 'n=user,r=abc'
  const plus = 'SCRAM-SHA-256-PLUS'

  it('RFC 9266: bound to this connection', async () => {
    const header = 'p=tls-exporter,,'
    for (const [octets, expected] of [
      ['keying material', 'credentials'],
      ['of another connection', 'SCRAM-SHA-256-PLUS: channel binding mismatch'],
    ] as const) {
      const exchange = await begin(header + bare, plus, [exporter])
      const channel = Buffer.concat([Buffer.from(header), Buffer.from(octets)])
      const { message } = clientFinal('pencil', bare, serverFirstOf(exchange), channel)
      assert.equal(shown(exchange.respond(b64(message))), expected)
    }
  })

  it('a downgrade is seen; bindings that we lack are refused', async () => {
    assert.match(shown((await begin(`y,,${bare}`, 'SCRAM-SHA-256', [exporter])).step), /does support/)
    assert.equal((await begin(`y,,${bare}`)).step.kind, 'challenge')
    assert.match(shown((await begin(`p=tls-unique,,${bare}`, plus, [exporter])).step), /unsupported/)
    assert.match(shown((await begin(`n,,${bare}`, plus, [exporter])).step), /missing/)
  })

  it('-PLUS is offered only where it can be done, SCRAM only where it is configured', () => {
    const names = ['PLAIN', 'SCRAM-SHA-256', plus]
    const offered = (rule: Parameters<typeof offeredMechanisms>[0]) =>
      offeredMechanisms(rule).map(({ name }) => name)
    assert.deepEqual(offered({ plaintext: 'allowed' }), ['PLAIN', 'LOGIN'])
    assert.deepEqual(offered({ plaintext: 'refused', names }), ['SCRAM-SHA-256'])
    assert.deepEqual(offered({ plaintext: 'allowed', names, bindings: 'some' }), names)
  })
})

it('RFC 5802 §9: who has no verifier gets the same salt each time, and no password fits', () => {
  const [secret, other] = [Buffer.from('a'.repeat(32)), Buffer.from('b'.repeat(32))]
  const fake = fakeScramVerifier(secret, 'nobody@example.org', 4096)
  assert.equal(fakeScramVerifier(secret, 'nobody@example.org', 4096), fake)
  assert.notEqual(fakeScramVerifier(other, 'nobody@example.org', 4096), fake)
  assert.notEqual(fakeScramVerifier(secret, 'nobody2@example.org', 4096), fake)
  const parsed = parseScramVerifier(fake)
  assert.equal(parsed?.salt.length, 16)
  assert.equal(parsed?.iterations, 4096)
})
