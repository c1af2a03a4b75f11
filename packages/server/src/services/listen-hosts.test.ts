import assert from 'node:assert/strict'
import { test } from 'node:test'
import { listenHosts } from './listen-hosts.ts'

const rows: readonly [words: string, protocols: string, ipv6Here: boolean, hosts: string][] = [
  ['all', 'all', true, '::'],
  ['all', 'all', false, '0.0.0.0'],
  ['all', 'ipv4', true, '0.0.0.0'],
  ['all', 'ipv6', true, '::'],
  ['loopback-only', 'all', true, '127.0.0.1 ::1'],
  ['loopback-only', 'ipv4', true, '127.0.0.1'],
  ['localhost', 'all', false, '127.0.0.1'],
  ['* ::', 'all', true, '::'],
  ['* ::', 'ipv4', true, '0.0.0.0'],
  ['192.0.2.1 [2001:db8::1]', 'all', true, '192.0.2.1 2001:db8::1'],
  ['192.0.2.1 [2001:db8::1]', 'ipv4', true, '192.0.2.1'],
  ['mail.example.org', 'all', true, 'mail.example.org'],
]

for (const [words, protocols, ipv6Here, hosts] of rows) {
  test(`inet_interfaces = ${words}, inet_protocols = ${protocols}, IPv6 ${ipv6Here ? 'here' : 'not here'}`, () => {
    assert.equal(listenHosts(words.split(' '), protocols.split(' '), ipv6Here).join(' '), hosts)
  })
}
