import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTables } from '../tables/index.ts'
import { cipherList, lookupTlsPolicy, parseTlsPolicy, parseTlsProtocols } from './tls-policy.ts'

test('smtp_tls_policy_maps: levels and attributes', () => {
  for (const [text, expect] of [
    ['none', { level: 'none', match: [], tls: {} }],
    ['dane-only', { level: 'dane-only', match: [], tls: {} }],
    [
      'secure match=example.net:.example.net',
      { level: 'secure', match: ['example.net', '.example.net'], tls: {} },
    ],
    [
      'encrypt protocols=>=TLSv1.2 ciphers=high exclude=3DES:MD5',
      {
        level: 'encrypt',
        match: [],
        tls: { minVersion: 'TLSv1.2', ciphers: 'HIGH:!aNULL:!eNULL:!3DES:!MD5' },
      },
    ],
    [
      'fingerprint, match=AA:BB|CC:DD match=EE',
      { level: 'fingerprint', match: ['AA:BB', 'CC:DD', 'EE'], tls: {} },
    ],
    [
      'secure tafile=/etc/a.pem tafile=/etc/b.pem',
      { level: 'secure', match: [], anchorFiles: ['/etc/a.pem', '/etc/b.pem'], tls: {} },
    ],
    [
      'verify servername=mx.example.org',
      { level: 'verify', match: [], tls: { serverName: 'mx.example.org' } },
    ],
  ] as const)
    assert.deepEqual(parseTlsPolicy(text), { kind: 'policy', policy: expect }, text)
  for (const [text, expect] of [
    ['strong', 'invalid security level: strong'],
    ['', 'invalid security level: '],
    ['encrypt colour=red', 'invalid attribute: colour=red'],
    [
      'encrypt protocols=!TLSv1:!TLSv1.1:!TLSv1.2:!TLSv1.3',
      'invalid protocols: !TLSv1:!TLSv1.1:!TLSv1.2:!TLSv1.3',
    ],
  ] as const)
    assert.deepEqual(parseTlsPolicy(text), { kind: 'bad', text: expect }, text)
})

test('smtp_tls_mandatory_protocols: as Postfix writes them', () => {
  for (const [text, expect] of [
    ['>=TLSv1', { minVersion: 'TLSv1' }],
    ['>=TLSv1.2, <=TLSv1.2', { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' }],
    ['!SSLv2, !SSLv3, !TLSv1', { minVersion: 'TLSv1.1' }],
    ['TLSv1.2', { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' }],
    ['', { minVersion: 'TLSv1' }],
    ['SSLv9', undefined],
  ] as const)
    assert.deepEqual(parseTlsProtocols(text), expect, text)
})

test('smtp_tls_ciphers: grades and words of OpenSSL', () => {
  assert.equal(cipherList('medium'), undefined)
  assert.equal(cipherList('high'), 'HIGH:!aNULL:!eNULL')
  assert.equal(cipherList('medium', ['RC4']), 'DEFAULT:!RC4')
  assert.equal(cipherList('ECDHE+AESGCM'), 'ECDHE+AESGCM')
})

test('smtp_tls_policy_maps: the next hop as written, its domain, its parents', () => {
  const tables = createTables({ log: () => undefined, now: Date.now }).openAll([
    'inline:{ [mx.a.test]:587=encrypt, a.test=verify, .b.test=secure, c.test:25=none }',
  ])
  for (const [nextHop, expect] of [
    ['[mx.a.test]:587', 'encrypt'],
    ['[mx.a.test]', undefined],
    ['A.test', 'verify'],
    ['a.test:587', 'verify'],
    ['x.a.test', undefined],
    ['x.y.b.test', 'secure'],
    ['b.test', undefined],
    ['[x.b.test]', undefined],
    ['c.test:25', 'none'],
  ] as const) {
    const found = lookupTlsPolicy(tables, nextHop)
    assert.equal(found?.kind === 'policy' ? found.policy.level : found, expect, nextHop)
  }
})
