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

test('an IPv6 endpoint has brackets', () => {
  assert.equal(formatEndpoint('::1', 25), '[::1]:25')
  assert.equal(formatEndpoint('127.0.0.1', 25), '127.0.0.1:25')
})
