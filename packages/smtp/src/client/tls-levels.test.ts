import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { TlsCredentials } from '@posthorn/net'
import { RecordingHandler } from '../handler-fixture.ts'
import {
  type CertificateAssociation,
  connectSmtp,
  createSmtpService,
  type SmtpClientOptions,
  TlsSessions,
} from '../index.ts'
import { type MadeCertificate, makeCertificate } from './certificate-fixture.ts'

const root = makeCertificate({ name: 'Test Root', kind: 'authority' })
const server = makeCertificate({ name: 'mx.test', kind: 'server', issuer: root })
const lone = makeCertificate({ name: 'mx.test', kind: 'server' })
const elsewhere = makeCertificate({ name: 'other.example', kind: 'server', issuer: root })
const expired = makeCertificate({ name: 'mx.test', kind: 'server', issuer: root, endsInMs: -86_400_000 })

const listen = async (t: TestContext, shown: MadeCertificate) => {
  const service = createSmtpService({
    handler: new RecordingHandler(),
    options: { hostname: 'mx.test' },
    log: () => undefined,
    tls: new TlsCredentials({ cert: shown.cert, key: shown.key }),
  })
  t.after(() => service.close('now'))
  const { port } = await service.listen({ service: 'mx', host: '127.0.0.1', port: 0 })
  return { host: 'mx.test', address: '127.0.0.1', port }
}

/** `Verified`, or why not. */
const outcome = async (
  at: Awaited<ReturnType<typeof listen>>,
  options: Partial<SmtpClientOptions>,
): Promise<string> => {
  const client = await connectSmtp(at, {
    protocol: 'smtp',
    heloName: 'us.test',
    tlsLevel: 'verify',
    ...options,
  })
  if ('kind' in client) return client.text
  client.quit()
  return client.tls?.trust ?? 'clear'
}

const publicKey = (made: MadeCertificate): Buffer =>
  made.x509.publicKey.export({ type: 'spki', format: 'der' }) as Buffer
const sha = (digest: string, bytes: Buffer): Buffer => createHash(digest).update(bytes).digest()
const record = (
  usage: number,
  selector: number,
  matchingType: number,
  data: Uint8Array,
): CertificateAssociation => ({ usage, selector, matchingType, data })

const noRecord = 'Server certificate not verified: no TLSA record matches'
const noName = 'Server certificate not verified: no name that fits'

test('RFC 7672 §3.1, RFC 6698 §2.1: which certificates fit which TLSA records', async (t) => {
  const at = {
    server: await listen(t, server),
    lone: await listen(t, lone),
    elsewhere: await listen(t, elsewhere),
    expired: await listen(t, expired),
  }
  const rows: readonly (readonly [keyof typeof at, readonly CertificateAssociation[], string])[] = [
    ['lone', [record(3, 1, 1, sha('sha256', publicKey(lone)))], 'Verified'],
    ['lone', [record(3, 1, 2, sha('sha512', publicKey(lone)))], 'Verified'],
    ['lone', [record(3, 0, 1, sha('sha256', lone.x509.raw))], 'Verified'],
    ['lone', [record(3, 0, 0, lone.x509.raw)], 'Verified'],
    ['lone', [record(3, 1, 0, publicKey(lone))], 'Verified'],
    ['lone', [record(3, 1, 1, sha('sha256', publicKey(server)))], noRecord],
    // One that fits is enough: a key is about to change.
    [
      'lone',
      [record(3, 1, 1, sha('sha256', publicKey(server))), record(3, 1, 1, sha('sha256', publicKey(lone)))],
      'Verified',
    ],
    // DANE-EE looks at neither name nor date (RFC 7672 §3.1.1).
    ['expired', [record(3, 1, 1, sha('sha256', publicKey(expired)))], 'Verified'],
    ['elsewhere', [record(3, 1, 1, sha('sha256', publicKey(elsewhere)))], 'Verified'],
    // DANE-TA looks at both.
    ['server', [record(2, 0, 1, sha('sha256', root.x509.raw))], 'Verified'],
    ['server', [record(2, 1, 1, sha('sha256', publicKey(root)))], 'Verified'],
    ['server', [record(2, 1, 1, sha('sha256', publicKey(lone)))], noRecord],
    ['elsewhere', [record(2, 1, 1, sha('sha256', publicKey(root)))], noName],
    ['expired', [record(2, 1, 1, sha('sha256', publicKey(root)))], noRecord],
    ['lone', [], noRecord],
  ]
  for (const [which, associations, expect] of rows) {
    const said = await outcome(at[which], { tlsLevel: 'dane', certificate: { associations } })
    const name = associations.map(
      ({ usage, selector, matchingType }) => `${usage} ${selector} ${matchingType}`,
    )
    assert.equal(said, expect, `${which}: ${name.join(', ')}`)
  }
})

test('Postfix: levels verify, secure and fingerprint', async (t) => {
  const at = await listen(t, server)
  const tls = { ca: root.cert }
  assert.equal(await outcome(at, { tls }), 'Verified')
  assert.match(await outcome(at, {}), /^Server certificate not trusted: /)
  assert.equal(await outcome(at, { tls, certificate: { names: ['example.org'] } }), noName)
  assert.equal(await outcome(at, { tls, certificate: { names: ['example.org', '.test'] } }), 'Verified')
  assert.equal(await outcome(at, { tls, certificate: { names: ['.mx.test'] } }), noName)
  const digest = sha('sha256', server.x509.raw).toString('hex').toUpperCase()
  const colons = (digest.match(/../g) ?? []).join(':')
  const byKey = sha('sha1', publicKey(server)).toString('hex')
  const level = { tlsLevel: 'fingerprint' } as const
  assert.equal(await outcome(at, { ...level, certificate: { fingerprints: ['00', colons] } }), 'Verified')
  assert.equal(
    await outcome(at, { ...level, certificate: { fingerprints: [byKey], digest: 'sha1' } }),
    'Verified',
  )
  assert.equal(
    await outcome(at, { ...level, certificate: { fingerprints: [byKey] } }),
    'Server certificate not verified: fingerprint does not match',
  )
  assert.equal(await outcome(at, { tlsLevel: 'encrypt' }), 'Untrusted')
  assert.equal(await outcome(at, { tlsLevel: 'may', tls }), 'Trusted')
})

test('Postfix: smtp_tls_trust_anchor_file: these alone are trusted, roots or not', async (t) => {
  const between = makeCertificate({ name: 'Test Between', kind: 'authority', issuer: root })
  const below = makeCertificate({ name: 'mx.test', kind: 'server', issuer: between })
  const other = makeCertificate({ name: 'Other Root', kind: 'authority' })
  const at = await listen(t, below)
  assert.equal(await outcome(at, { tls: { anchors: between.cert } }), 'Verified')
  assert.equal(await outcome(at, { tls: { anchors: other.cert + between.cert } }), 'Verified')
  assert.equal(await outcome(at, { tls: { anchors: below.cert } }), 'Verified')
  assert.match(
    await outcome(at, { tls: { ca: root.cert + between.cert, anchors: other.cert } }),
    /^Server certificate not trusted: /,
  )
})

test('RFC 8446 §2.2: a session is used again under the same demands alone', async (t) => {
  const at = await listen(t, server)
  const sessions = new TlsSessions({ keepMs: 60_000 })
  const connect = async (options: Partial<SmtpClientOptions> = {}) => {
    const client = await connectSmtp(at, {
      protocol: 'smtp',
      heloName: 'us.test',
      tlsLevel: 'verify',
      ...options,
      tls: { ca: root.cert, ...options.tls, sessions },
    })
    assert.ok(!('kind' in client), 'text' in client ? client.text : '')
    // Tickets of TLS 1.3 come behind the handshake, with the next octets of the server at the latest.
    await client.send({
      sender: 'a@us.test',
      recipients: [{ address: 'x@local.test' }],
      sizeBytes: 3,
      content: () => [Buffer.from('x\r\n')],
    })
    client.quit()
    return client.tls
  }
  for (const maxVersion of ['TLSv1.3', 'TLSv1.2'] as const) {
    assert.equal((await connect({ tls: { maxVersion } }))?.resumed, false)
    const again = await connect({ tls: { maxVersion } })
    assert.equal(again?.resumed, true)
    assert.equal(again?.trust, 'Verified')
  }
  assert.equal((await connect({ tlsLevel: 'encrypt' }))?.resumed, false)
  assert.equal((await connect({ tlsLevel: 'encrypt' }))?.resumed, true)
  assert.equal((await connect({ tlsLevel: 'encrypt', certificate: { names: ['x'] } }))?.resumed, false)
})

test('RFC 8689 §4: REQUIRETLS is offered over TLS, and asked for nowhere else', async (t) => {
  const at = await listen(t, server)
  for (const [tlsLevel, expect] of [
    ['encrypt', 'sent'],
    ['none', '5.7.30 REQUIRETLS is required, but was not offered by host mx.test[127.0.0.1]'],
  ] as const) {
    const client = await connectSmtp(at, { protocol: 'smtp', heloName: 'us.test', tlsLevel })
    assert.ok(!('kind' in client))
    const [said] = await client.send({
      sender: 'a@us.test',
      recipients: [{ address: 'x@local.test' }],
      sizeBytes: 3,
      requireTls: true,
      content: () => [Buffer.from('x\r\n')],
    })
    client.quit()
    const { kind } = said as NonNullable<typeof said>
    assert.equal(said?.kind === 'refused' ? `${said.failure.status} ${said.failure.text}` : kind, expect)
  }
})
