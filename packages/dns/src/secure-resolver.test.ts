import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { type TestContext, test } from 'node:test'
import packet from 'dns-packet'
import { parseNameServer } from './dns-exchange.ts'
import { testDnsServer } from './dns-server-fixture.ts'
import { createResolver } from './node-resolver.ts'
import { createSecureResolver, type SecureResolver } from './secure-resolver.ts'

const rows: Parameters<typeof testDnsServer>[0] = [
  [
    'secure',
    { type: 'MX', name: 'signed.example', ttl: 60, data: { preference: 10, exchange: 'mx.signed.example' } },
  ],
  ['insecure', { type: 'MX', name: 'plain.example', ttl: 60, data: { preference: 0, exchange: '.' } }],
  ['bogus', { type: 'MX', name: 'bogus.example', ttl: 60, data: { preference: 1, exchange: 'x.example' } }],
  ['silent', { type: 'MX', name: 'silent.example', ttl: 60, data: { preference: 1, exchange: 'x.example' } }],
  ['secure', { type: 'CNAME', name: 'mx.signed.example', ttl: 60, data: 'real.signed.example' }],
  ['secure', { type: 'A', name: 'real.signed.example', ttl: 60, data: '192.0.2.1' }],
  ['secure', { type: 'CNAME', name: 'half.signed.example', ttl: 60, data: 'host.plain.example' }],
  ['insecure', { type: 'A', name: 'host.plain.example', ttl: 60, data: '192.0.2.2' }],
  [
    'secure',
    {
      type: 'SRV',
      name: '_submission._tcp.signed.example',
      ttl: 60,
      data: { priority: 1, weight: 2, port: 587, target: 'Mail.signed.example' },
    },
  ],
  [
    'insecure',
    { type: 'SRV', name: '_submission._tcp.plain.example', ttl: 60, data: { port: 0, target: '.' } },
  ],
  [
    'secure',
    {
      type: 'TLSA',
      name: '_25._tcp.real.signed.example',
      ttl: 60,
      data: { usage: 3, selector: 1, matchingType: 1, certificate: Buffer.from('0102', 'hex') },
    },
  ],
]

const open = async (
  t: TestContext,
  options: { readonly truncate?: true } = {},
): Promise<{ resolver: SecureResolver; asked: string[] }> => {
  const server = await testDnsServer(rows, ['signed.example'], options)
  t.after(() => server.close())
  const resolver = createSecureResolver({ servers: [server.server], timeoutMs: 100, tries: 1 })
  assert.ok(resolver !== undefined)
  return { resolver, asked: server.asked }
}

for (const options of [{}, { truncate: true }] as const) {
  test(`RFC 4035 §4.3: what is secure, insecure, bogus${'truncate' in options ? ', over TCP' : ''}`, async (t) => {
    const { resolver } = await open(t, options)
    assert.deepEqual(await resolver.mx('signed.example'), {
      kind: 'records',
      records: [{ preference: 10, exchange: 'mx.signed.example' }],
      secure: true,
      name: 'signed.example',
    })
    const plain = await resolver.mx('plain.example')
    assert.ok(plain.kind === 'records' && !plain.secure)
    assert.deepEqual(plain.records, [{ preference: 0, exchange: '' }])
    assert.deepEqual(await resolver.mx('bogus.example'), { kind: 'temporary', reason: 'server failure' })
    assert.deepEqual(await resolver.tlsa('_25._tcp.none.signed.example'), {
      kind: 'none',
      secure: true,
      what: 'nxdomain',
    })
    assert.deepEqual(await resolver.aaaa('real.signed.example'), {
      kind: 'none',
      secure: true,
      what: 'nodata',
    })
    assert.deepEqual(await resolver.tlsa('_25._tcp.none.example'), {
      kind: 'none',
      secure: false,
      what: 'nxdomain',
    })
  })
}

test('RFC 2782: SRV records, of a validating resolver and of any', async (t) => {
  const server = await testDnsServer(rows, ['signed.example'])
  t.after(() => server.close())
  const secure = createSecureResolver({ servers: [server.server], timeoutMs: 100, tries: 1 })
  const plain = createResolver({ servers: [server.server], timeoutMs: 100, tries: 1 })
  const mail = { priority: 1, weight: 2, port: 587, target: 'mail.signed.example' }
  const none = { priority: 0, weight: 0, port: 0, target: '' }
  for (const [name, record, isSecure] of [
    ['_submission._tcp.signed.example', mail, true],
    ['_submission._tcp.plain.example', none, false],
  ] as const) {
    const proven = await secure?.srv(name)
    assert.deepEqual(proven, { kind: 'records', records: [record], secure: isSecure, name })
    const found = await plain.srv(name)
    assert.deepEqual(found.kind === 'records' ? found.records : found, [record])
  }
  assert.equal((await plain.srv('_submission._tcp.none.example')).kind, 'nxdomain')
})

test('RFC 7672 §2.1.3: aliases are followed, and are as secure as their weakest', async (t) => {
  const { resolver } = await open(t)
  const whole = await resolver.a('mx.signed.example')
  assert.ok(whole.kind === 'records')
  assert.deepEqual([whole.name, whole.secure, whole.records], ['real.signed.example', true, ['192.0.2.1']])
  const half = await resolver.a('half.signed.example')
  assert.ok(half.kind === 'records')
  assert.deepEqual([half.name, half.secure], ['host.plain.example', false])
  const alias = await resolver.cname('half.signed.example')
  assert.ok(alias.kind === 'records' && alias.secure)
  const tlsa = await resolver.tlsa('_25._tcp.real.signed.example')
  assert.ok(tlsa.kind === 'records')
  assert.deepEqual(tlsa.records[0], {
    usage: 3,
    selector: 1,
    matchingType: 1,
    data: Buffer.from('0102', 'hex'),
  })
})

test('a server that is silent, or not there, is temporary; answers are kept', async (t) => {
  const { resolver, asked } = await open(t)
  assert.deepEqual(await resolver.mx('silent.example'), { kind: 'temporary', reason: 'query timed out' })
  await resolver.mx('signed.example')
  await resolver.mx('Signed.Example')
  assert.equal(asked.filter((one) => one === 'MX signed.example').length, 1)
  const nobody = createSecureResolver({ servers: ['127.0.0.1:1'], timeoutMs: 1000, tries: 1 })
  assert.equal((await nobody?.mx('signed.example'))?.kind, 'temporary')
  assert.equal((await resolver.mx('no name')).kind, 'none')
})

test('RFC 5452 §9.1: an answer to another question, or of another number, is not believed', async (t) => {
  const socket = createSocket('udp4')
  t.after(() => socket.close())
  socket.on('message', (bytes, from) => {
    const query = packet.decode(bytes)
    const forged = (id: number, name: string, data: string): Buffer =>
      packet.encode({
        type: 'response',
        id,
        flags: packet.AUTHENTIC_DATA,
        questions: [{ type: 'A', name }],
        answers: [{ type: 'A', name, ttl: 60, data }],
      })
    const id = query.id ?? 0
    for (const reply of [
      Buffer.from('not dns'),
      forged((id + 1) % 65_536, 'x.example', '192.0.2.66'),
      forged(id, 'y.example', '192.0.2.66'),
      forged(id, 'x.example', '192.0.2.1'),
    ])
      socket.send(reply, from.port, from.address)
  })
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  const resolver = createSecureResolver({ servers: [`127.0.0.1:${socket.address().port}`] })
  const answer = await resolver?.a('x.example')
  assert.deepEqual(answer?.kind === 'records' ? answer.records : answer, ['192.0.2.1'])
})

test('name servers as configured', () => {
  for (const [text, expect] of [
    ['127.0.0.1', { address: '127.0.0.1', port: 53 }],
    ['127.0.0.1:5353', { address: '127.0.0.1', port: 5353 }],
    ['[::1]:5353', { address: '::1', port: 5353 }],
    ['::1', { address: '::1', port: 53 }],
    ['ns.example.org', undefined],
    ['127.0.0.1:0', undefined],
  ] as const)
    assert.deepEqual(parseNameServer(text), expect, text)
})
