import assert from 'node:assert/strict'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { StartError } from '../start-error.ts'
import { inFolder } from '../testkit/in-folder.ts'
import { loadOwnKeyPair, readKeyPair } from './key-pair.ts'
import { createSelfSigned } from './self-signed.ts'

test('the first start makes a certificate, the second keeps it, and the key is closed to others', async () => {
  await inFolder(async (folder) => {
    const first = await loadOwnKeyPair(folder, 'mail.example.org', Date.now())
    const second = await loadOwnKeyPair(folder, 'mail.example.org', Date.now())
    assert.equal(first.cert, second.cert)
    assert.equal(statSync(join(folder, 'tls', 'key.pem')).mode & 0o077, 0)
  })
})

test('a wrong certificate or key is named with a remedy', async () => {
  await inFolder(async (folder) => {
    const one = await createSelfSigned(['a.test'], Date.now())
    const other = await createSelfSigned(['b.test'], Date.now())
    const certFile = join(folder, 'cert.pem')
    const keyFile = join(folder, 'key.pem')
    const says = (wanted: RegExp): void => {
      assert.throws(
        () => readKeyPair({ certFile, keyFile }, Date.now()),
        (error) => error instanceof StartError && wanted.test(error.message) && error.remedy !== '',
      )
    }
    says(/cannot read .*cert\.pem/)
    writeFileSync(certFile, one.cert)
    says(/cannot read .*key\.pem/)
    writeFileSync(keyFile, 'nonsense')
    says(/key\.pem does not hold a PEM private key/)
    writeFileSync(keyFile, other.key)
    says(/does not belong to the certificate/)
    writeFileSync(keyFile, one.key)
    assert.equal(readKeyPair({ certFile, keyFile }, Date.now()).cert, readFileSync(certFile, 'utf8'))
    assert.throws(() => readKeyPair({ certFile, keyFile }, Date.now() + 11 * 366 * 86_400_000), /expired/)
    writeFileSync(certFile, 'nonsense')
    says(/cert\.pem does not hold a PEM certificate/)
  })
})

test('certificate and key may share one file, as `make x.pem` writes it', async () => {
  await inFolder(async (folder) => {
    const { key, cert } = await createSelfSigned(['a.test'], Date.now())
    const certFile = join(folder, 'both.pem')
    writeFileSync(certFile, key + cert)
    assert.ok(readKeyPair({ certFile, keyFile: '' }, Date.now()).key.includes('PRIVATE KEY'))
  })
})
