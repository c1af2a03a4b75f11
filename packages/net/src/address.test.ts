import assert from 'node:assert/strict'
import { test } from 'node:test'
import { customerNetwork, formatEndpoint, normalizeAddress } from './address.ts'

const normal: readonly [given: string, expect: string][] = [
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['::FFFF:192.0.2.1', '192.0.2.1'],
  ['2001:db8::1', '2001:db8::1'],
  ['fe80::1%eth0', 'fe80::1'],
  ['::1', '::1'],
]

for (const [given, expect] of normal)
  test(`RFC 4291 §2.5.5.2: ${given}`, () => assert.equal(normalizeAddress(given), expect))

const networks: readonly [address: string, network: string][] = [
  ['192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
  ['2001:db8::9', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['::5:6:7:8:9', '0:0:0:5::/64'],
]

for (const [address, network] of networks)
  test(`${address} is of ${network}`, () => assert.equal(customerNetwork(address), network))

test('smtpd_client_ipv4_prefix_length, smtpd_client_ipv6_prefix_length: other lengths of a network', () => {
  const rows: readonly [address: string, ipv4: number, ipv6: number, network: string][] = [
    ['192.0.2.200', 24, 64, '192.0.2.0/24'],
    ['192.0.2.200', 26, 64, '192.0.2.192/26'],
    ['192.0.2.200', 0, 64, '0.0.0.0/0'],
    ['192.0.2.200', 32, 48, '192.0.2.200'],
    ['2001:db8:1:2:3:4:5:6', 32, 48, '2001:db8:1:0:0:0:0:0/48'],
    ['2001:0db8:1:2::3000:1', 32, 84, '2001:db8:1:2:0:0:0:0/84'],
    ['2001:db8:1:2:3:f400::', 32, 84, '2001:db8:1:2:3:f000:0:0/84'],
    ['::1', 32, 128, '0:0:0:0:0:0:0:1/128'],
    ['2001:db8::', 32, 0, '0:0:0:0:0:0:0:0/0'],
  ]
  for (const [address, ipv4, ipv6, network] of rows)
    assert.equal(customerNetwork(address, { ipv4, ipv6 }), network)
})

test('an IPv6 endpoint has brackets', () => {
  assert.equal(formatEndpoint('::1', 25), '[::1]:25')
  assert.equal(formatEndpoint('127.0.0.1', 25), '127.0.0.1:25')
})
