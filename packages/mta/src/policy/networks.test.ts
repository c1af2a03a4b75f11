import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createGatewayGuard, createNetworkList, networksOfStyle } from './index.ts'
import { tables } from './policy-fixture.ts'

test('mynetworks: networks, negation, tables; mynetworks_style', () => {
  const context = { log: () => {}, now: () => 0, tables }
  const list = createNetworkList(
    ['!192.0.2.66', '192.0.2.0/24', '[2001:db8::]/32', 'inline:{10.1=x,10.9.9.9=REJECT}'],
    context,
  )
  const rows: readonly [string, boolean][] = [
    ['192.0.2.1', true],
    ['192.0.2.66', false],
    ['::ffff:192.0.2.1', true],
    ['2001:db8:9::1', true],
    // A table has whole addresses, whatever it says of them.
    ['10.1.2.3', false],
    ['10.9.9.9', true],
    ['10.2.2.3', false],
    ['garbage', false],
  ]
  for (const [address, expected] of rows) assert.equal(list.has(address), expected, address)
  // Debian's main.cf; a client's IPv4 address is not written so, and no network of this form opens the relay.
  const mapped = createNetworkList(
    ['[::ffff:10.0.0.0]/104', '::ffff:0.0.0.0/96', '[::ffff:10.0.0.1]'],
    context,
  )
  assert.equal(mapped.has('10.0.0.2'), false)
  assert.equal(mapped.has('10.0.0.1'), true)
  assert.throws(() => createNetworkList(['192.0.2.1/24'], context), /non-null host address bits/)
  const own = [
    { address: '192.0.2.7', prefixBits: 28 },
    { address: '127.0.0.1', prefixBits: 8 },
    { address: '2001:db8::7', prefixBits: 64 },
  ]
  assert.deepEqual(networksOfStyle('host', own), [
    '127.0.0.0/8',
    '[::1]/128',
    '192.0.2.7/32',
    '[2001:db8::7]/128',
  ])
  assert.deepEqual(networksOfStyle('subnet', own), [
    '127.0.0.0/8',
    '[::1]/128',
    '192.0.2.0/28',
    '[2001:db8::]/64',
  ])
  assert.deepEqual(networksOfStyle('class', own), [
    '127.0.0.0/8',
    '[::1]/128',
    '192.0.2.0/24',
    '[2001:db8::]/64',
  ])
})

test('behind a gateway that hides its clients nobody is trusted by address', () => {
  const warnings: string[] = []
  const guard = (mynetworks: string) =>
    createGatewayGuard({
      gateways: ['172.17.0.1'],
      mynetworks,
      log: (event) => void warnings.push(event.text),
    })
  const careful = guard('127.0.0.0/8, 172.17.0.0/16')
  assert.equal(careful.trusts('172.17.0.1'), false)
  assert.equal(careful.trusts('::ffff:172.17.0.1'), false)
  assert.equal(careful.trusts('172.17.0.2'), true)
  assert.equal(careful.trusts('127.0.0.1'), true)
  assert.equal(warnings.length, 1)
  assert.match(warnings[0] ?? '', /connection from the gateway 172\.17\.0\.1/)
  assert.equal(guard('127.0.0.0/8 172.17.0.1/32').trusts('172.17.0.1'), true)
})
