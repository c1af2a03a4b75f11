import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { test } from 'node:test'
import {
  addressesOf,
  blockListQuery,
  cachedResolver,
  clientName,
  createResolver,
  isHostName,
  parseZoneFile,
  reversedAddress,
  ZoneFileError,
  zoneFileResolver,
} from './index.ts'

const zone = `
$ORIGIN example.org.
$TTL 5m
@        IN SOA ns hostmaster ( 1 2h 15m
                                2w 1h ) ; comment
         NS ns
         MX 20 mx2
         MX 10 mx1.example.org.
         TXT "v=spf1 " "-all"
ns       A 192.0.2.53
mx1 600  A 192.0.2.1
         AAAA 2001:db8::1
mx2      A 192.0.2.2
www      CNAME mx1
loop     CNAME loop
nullmx   MX 0 .
slow     FAIL timeout
broken   FAIL servfail
*.wild   A 192.0.2.9
a.deep.wild TXT x
_25._tcp.mx1 TLSA 3 1 1 0a0b
_submission._tcp SRV 10 5 587 mx1
_submission._tcp SRV 0 0 0 .
1.2.0.192.in-addr.arpa. PTR mx1
2.2.0.192.in-addr.arpa. PTR mx1
3.2.0.192.in-addr.arpa. PTR evil\\nname
4.2.0.192.in-addr.arpa. FAIL timeout
1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR mx1
9.2.0.192.bl A 127.0.0.2
9.2.0.192.bl TXT "listed; see http://bl.example.org"
8.2.0.192.bl A 10.0.0.1
9.2.0.192.dead.list. FAIL timeout
`

test('RFC 1035 §5: master file and its answers', async () => {
  const dns = zoneFileResolver(zone)
  const mx = await dns.mx('Example.ORG')
  assert.deepEqual(mx, {
    kind: 'records',
    ttlMs: 300_000,
    records: [
      { preference: 10, exchange: 'mx1.example.org' },
      { preference: 20, exchange: 'mx2.example.org' },
    ],
  })
  assert.deepEqual(await dns.srv('_submission._tcp.example.org'), {
    kind: 'records',
    ttlMs: 300_000,
    records: [
      { priority: 10, weight: 5, port: 587, target: 'mx1.example.org' },
      { priority: 0, weight: 0, port: 0, target: '' },
    ],
  })
  assert.deepEqual(await dns.a('mx1.example.org'), {
    kind: 'records',
    records: ['192.0.2.1'],
    ttlMs: 600_000,
  })
  assert.equal((await dns.a('www.example.org')).kind, 'records')
  assert.equal((await dns.a('loop.example.org')).kind, 'temporary')
  assert.equal((await dns.a('none.example.org')).kind, 'nxdomain')
  assert.equal((await dns.aaaa('mx2.example.org')).kind, 'nodata')
  assert.equal((await dns.a('x.y.wild.example.org')).kind, 'records')
  assert.equal((await dns.a('deep.wild.example.org')).kind, 'nodata')
  assert.deepEqual(await dns.a('slow.example.org'), { kind: 'temporary', reason: 'query timed out' })
  assert.deepEqual(await dns.a('broken.example.org'), { kind: 'temporary', reason: 'server failure' })
  const txt = await dns.txt('example.org')
  assert.deepEqual(txt.kind === 'records' && txt.records, ['v=spf1 -all'])
  const nullMx = await dns.mx('nullmx.example.org')
  assert.deepEqual(nullMx.kind === 'records' && nullMx.records, [{ preference: 0, exchange: '' }])
  const tlsa = await dns.tlsa('_25._tcp.mx1.example.org')
  assert.deepEqual(tlsa.kind === 'records' && tlsa.records[0]?.data, new Uint8Array([10, 11]))
  const both = await addressesOf(dns, 'mx1.example.org')
  assert.deepEqual(both.kind === 'records' && both.records, ['2001:db8::1', '192.0.2.1'])
})

test('master file errors name the line', () => {
  const cases: readonly [string, RegExp][] = [
    ['\n\na WKS x', /line 3: record type WKS/],
    ['a A', /line 1: A without data/],
    ['$INCLUDE x', /unknown directive/],
    ['a TXT "x', /quote is not closed/],
    ['a SOA ( 1', /parenthesis is not closed/],
    ['  A 1.2.3.4', /record without a name/],
  ]
  for (const [text, message] of cases) {
    assert.throws(
      () => parseZoneFile(text),
      (error) => error instanceof ZoneFileError && message.test(error.message),
    )
  }
})

test('a reverse name counts only when its addresses include the client', async () => {
  const dns = zoneFileResolver(zone)
  const cases: readonly [string, string, string][] = [
    ['192.0.2.1', 'mx1.example.org', 'ok'],
    ['2001:db8::1', 'mx1.example.org', 'ok'],
    ['2001:0DB8:0::0:1', 'mx1.example.org', 'ok'],
    ['192.0.2.2', 'unknown', 'forged'],
    ['192.0.2.3', 'unknown', 'permanent'],
    ['192.0.2.4', 'unknown', 'temporary'],
    ['192.0.2.77', 'unknown', 'permanent'],
    ['not an address', 'unknown', 'permanent'],
  ]
  for (const [address, name, status] of cases) {
    const found = await clientName(dns, address, 1000)
    assert.deepEqual([found.name, found.status], [name, status], address)
  }
  const never = { ...dns, ptr: () => new Promise<never>(() => {}) }
  assert.equal((await clientName(never, '192.0.2.1', 5)).status, 'temporary')
})

test('RFC 5782: block lists; a dead list lists nobody', async () => {
  const dns = zoneFileResolver(zone)
  assert.deepEqual(await blockListQuery(dns, 'bl.example.org', '192.0.2.9'), {
    kind: 'listed',
    codes: ['127.0.0.2'],
    reason: 'listed; see http://bl.example.org',
    ttlMs: 300_000,
  })
  assert.equal((await blockListQuery(dns, 'bl.example.org', '192.0.2.8')).kind, 'not-listed')
  assert.equal((await blockListQuery(dns, 'bl.example.org', '192.0.2.7')).kind, 'not-listed')
  assert.equal((await blockListQuery(dns, 'dead.list', '192.0.2.9')).kind, 'unavailable')
  assert.equal((await blockListQuery(dns, 'bl.example.org', 'a b')).kind, 'not-listed')
})

test('the cache keeps answers for their TTL, negatives too, within bounds', async () => {
  const source = zoneFileResolver(zone)
  let nowMs = 0
  const dns = cachedResolver(source, { now: () => nowMs, maxAnswers: 3 })
  await Promise.all([dns.a('mx2.example.org'), dns.a('MX2.example.org'), dns.a('none.example.org')])
  await dns.a('none.example.org')
  assert.deepEqual(source.asked, ['a mx2.example.org', 'a none.example.org'])
  nowMs = 61_000
  await dns.a('none.example.org')
  await dns.a('mx2.example.org')
  assert.equal(source.asked.length, 3)
  await dns.a('slow.example.org')
  await dns.a('slow.example.org')
  assert.equal(source.asked.length, 4)
  nowMs += 5_001
  await dns.a('slow.example.org')
  assert.equal(source.asked.length, 5)
  for (let i = 0; i < 10; i++) await dns.a(`n${i}.example.org`)
  await dns.a('mx2.example.org')
  assert.equal(source.asked.at(-1), 'a mx2.example.org')
})

test('host names: what may be printed and compared', () => {
  const good = ['a.b', 'mail-1.example.org', 'under_score.x', 'xn--p1ai']
  const bad = [
    '',
    '.',
    'a..b',
    '-a.b',
    'a-.b',
    'a.b-',
    '1.2.3.4',
    'a b',
    'a\n',
    'ä.de',
    `${'x'.repeat(64)}.y`,
    'a.'.repeat(130),
  ]
  for (const name of good) assert.equal(isHostName(name), true, name)
  for (const name of bad) assert.equal(isHostName(name), false, name)
  assert.equal(reversedAddress('::ffff:1.2.3.4')?.labels.startsWith('4.0.3.0.2.0.1.0.f.f.f.f.'), true)
})

/** A name server of one answer: refuses, or says nothing. */
async function oddServer(rcode: number | undefined) {
  const socket = createSocket('udp4')
  socket.on('message', (query, from) => {
    if (rcode === undefined) return
    const reply = Buffer.from(query)
    reply[2] = 0x81
    reply[3] = 0x80 | rcode
    socket.send(reply, from.port, from.address)
  })
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  return { at: `127.0.0.1:${socket.address().port}`, close: () => socket.close() }
}

test('real name servers: nxdomain, failure and silence are values', async () => {
  const cases: readonly [number | undefined, string][] = [
    [3, 'nxdomain'],
    [2, 'temporary'],
    [5, 'temporary'],
    [0, 'nodata'],
    [undefined, 'temporary'],
  ]
  for (const [rcode, kind] of cases) {
    const server = await oddServer(rcode)
    const dns = createResolver({ servers: [server.at], timeoutMs: 100, tries: 1 })
    assert.equal((await dns.mx('example.org')).kind, kind, `rcode ${rcode}`)
    assert.equal((await dns.ptr('192.0.2.1')).kind, kind, `rcode ${rcode}`)
    server.close()
  }
  assert.equal((await createResolver().a('bad name')).kind, 'nxdomain')
})
