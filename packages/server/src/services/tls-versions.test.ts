import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readTlsVersions } from './tls-versions.ts'

test('Postfix: smtpd_tls_protocols, what is left of TLS 1.2 and 1.3', () => {
  const shown = (text: string): string => {
    const { minVersion, maxVersion } = readTlsVersions(text.split(' '))
    return `${minVersion} ${maxVersion}`
  }
  for (const [words, wanted] of [
    ['>=TLSv1.2', 'TLSv1.2 TLSv1.3'],
    ['>=TLSv1', 'TLSv1.2 TLSv1.3'],
    ['!SSLv2 !SSLv3 !TLSv1 !TLSv1.1', 'TLSv1.2 TLSv1.3'],
    ['!SSLv2 !TLSv1.2', 'TLSv1.3 TLSv1.3'],
    ['>=TLSv1.3', 'TLSv1.3 TLSv1.3'],
    ['<=tlsv1.2', 'TLSv1.2 TLSv1.2'],
    ['TLSv1.3', 'TLSv1.3 TLSv1.3'],
    ['TLSv1 TLSv1.2', 'TLSv1.2 TLSv1.2'],
  ] as const)
    assert.equal(shown(words), wanted, words)
  assert.throws(() => readTlsVersions(['TLSv1.4']), /is no TLS version/)
  assert.throws(() => readTlsVersions(['<=TLSv1.1']), /leaves no TLS version/)
})
