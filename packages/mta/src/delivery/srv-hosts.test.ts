import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type SecureAnswer, type SecureResolver, type SrvRecord, zoneFileResolver } from '@posthorn/dns'
import { type MailHostOptions, mailHosts } from './mail-hosts.ts'
import { parseNextHop } from './next-hop.ts'
import { type SrvLookups, srvOrder } from './srv-hosts.ts'
import { TlsPlan } from './tls-plan.ts'

const zone = `
far.test.                    MX 10 mx.far.test.
mx.far.test.                 A 192.0.2.1
_submission._tcp.far.test.   SRV 20 0 1587 late.far.test.
_submission._tcp.far.test.   SRV 10 0 587 first.far.test.
first.far.test.              A 192.0.2.2
first.far.test.              AAAA 2001:db8::2
late.far.test.               A 192.0.2.3
_smtp._tcp.far.test.         SRV 0 0 26 us.test.
us.test.                     A 192.0.2.100
_submission._tcp.not.test.   SRV 0 0 0 .
not.test.                    MX 10 mx.far.test.
plain.test.                  MX 10 mx.far.test.
_submission._tcp.sick.test.  FAIL servfail
sick.test.                   MX 10 mx.far.test.
_submission._tcp.gone.test.  SRV 0 0 587 nowhere.test.
`

const strict: SrvLookups = {
  services: ['submission'],
  defaultService: 'smtp',
  withoutRecords: 'refused',
  withoutAnswer: 'deferred',
}

const ask = async (text: string, srv: SrvLookups | undefined): Promise<string> => {
  const hop = parseNextHop(text)
  assert.ok(hop)
  const options: MailHostOptions = {
    resolver: zoneFileResolver(zone),
    families: ['ipv6', 'ipv4'],
    defaultPort: 25,
    isOwnName: (name) => name === 'us.test',
    isOwnAddress: () => false,
    addressLimit: 5,
    randomizeAddresses: 'yes',
    balanceProtocols: 'yes',
    hostLookup: ['dns'],
    mxLookups: 'yes',
    ignoreMxErrors: 'no',
    random: () => 0,
    srv,
  }
  const hosts = await mailHosts(hop, options)
  if (hosts.kind === 'none') return `${hosts.status} ${hosts.text}`
  return hosts.servers.map(({ host, address, port }) => `${host}[${address}]:${port}`).join(' ')
}

const byMx = 'mx.far.test[192.0.2.1]:587'
const notFound = 'Host or domain name not found. Name service error for name=_submission._tcp'
const rows: readonly (readonly [nextHop: string, srv: SrvLookups | undefined, expect: string])[] = [
  [
    'far.test:submission',
    strict,
    'first.far.test[2001:db8::2]:587 first.far.test[192.0.2.2]:587 late.far.test[192.0.2.3]:1587',
  ],
  ['far.test:submission', undefined, byMx],
  ['far.test:587', strict, byMx],
  ['far.test', strict, 'mx.far.test[192.0.2.1]:25'],
  ['far.test', { ...strict, services: ['smtp'] }, '5.4.6 mail for far.test loops back to myself'],
  ['[mx.far.test]:submission', strict, byMx],
  ['not.test:submission', strict, '5.4.4 Service _submission._tcp.not.test is not available'],
  ['plain.test:submission', strict, `5.4.4 ${notFound}.plain.test type=SRV: Host not found`],
  ['plain.test:submission', { ...strict, withoutRecords: 'mx' }, byMx],
  [
    'plain.test:submission',
    { ...strict, withoutAnswer: 'mx' },
    `5.4.4 ${notFound}.plain.test type=SRV: Host not found`,
  ],
  ['sick.test:submission', strict, `4.4.3 ${notFound}.sick.test type=SRV: Host not found, try again`],
  ['sick.test:submission', { ...strict, withoutAnswer: 'mx' }, byMx],
  ['sick.test:submission', { ...strict, withoutRecords: 'mx' }, byMx],
  [
    'gone.test:submission',
    strict,
    '5.4.4 Host or domain name not found. Name service error for name=nowhere.test type=A: Host not found',
  ],
]
for (const [nextHop, srv, expect] of rows)
  test(`Postfix: use_srv_lookup: ${nextHop} ${JSON.stringify(srv)}`, async () =>
    assert.equal(await ask(nextHop, srv), expect))

test('RFC 2782: by priority, then by lot with the weights', () => {
  const record = (target: string, priority: number, weight: number): SrvRecord => ({
    priority,
    weight,
    port: 587,
    target,
  })
  const records = [record('late', 2, 9), record('heavy', 1, 3), record('light', 1, 1), record('none', 1, 0)]
  const order = (random: number) =>
    srvOrder(records, () => random)
      .map(({ target }) => target)
      .join(' ')
  assert.equal(order(0), 'none light heavy late')
  assert.equal(order(0.99), 'heavy light none late')
  const first = new Map<string, number>()
  for (let i = 0; i < 1000; i++) {
    const name = order(i / 1000).split(' ')[0] ?? ''
    first.set(name, (first.get(name) ?? 0) + 1)
  }
  assert.deepEqual(Object.fromEntries(first), { none: 200, light: 200, heavy: 600 })
})

test('RFC 7673 §3: servers that unproven SRV records name are not proven by the MX records of their domain', async () => {
  const standing = async (srv: SecureAnswer<SrvRecord>): Promise<string> => {
    const mx = {
      kind: 'records',
      secure: true,
      records: [{ preference: 0, exchange: 'mx.far.test' }],
    } as const
    const secure = { mx: async () => mx, srv: async () => srv } as unknown as SecureResolver
    const hop = parseNextHop('far.test:submission')
    assert.ok(hop)
    const made = await TlsPlan.make({
      job: { entry: { options: { requireTls: true } } } as Parameters<typeof TlsPlan.make>[0]['job'],
      nextHop: 'far.test:submission',
      hop,
      resolver: zoneFileResolver(zone),
      srv: strict,
      settings: {
        policyFor: () => ({ kind: 'policy', policy: { level: 'may', match: [], tls: {} } }),
        secure,
      } as unknown as Parameters<typeof TlsPlan.make>[0]['settings'],
    })
    return made.kind === 'plan' ? 'proven' : made.status
  }
  const records = [{ priority: 0, weight: 0, port: 587, target: 'first.far.test' }]
  assert.equal(await standing({ kind: 'records', secure: true, records, name: 'x' }), 'proven')
  assert.equal(await standing({ kind: 'records', secure: false, records, name: 'x' }), '5.7.30')
  assert.equal(await standing({ kind: 'none', secure: false, what: 'nodata' }), '5.7.30')
  assert.equal(await standing({ kind: 'none', secure: true, what: 'nodata' }), 'proven')
  assert.equal(await standing({ kind: 'temporary', reason: 'bogus' }), '4.4.3')
})
