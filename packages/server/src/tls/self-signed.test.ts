import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { createSecureContext } from 'node:tls'
import { createSelfSigned } from './self-signed.ts'

test('the first certificate names the host, localhost and 127.0.0.1, and belongs to its key', async () => {
  const now = Date.UTC(2026, 10, 21)
  const { key, cert } = await createSelfSigned(['mail.example.org', 'localhost', '127.0.0.1', '::1'], now)
  createSecureContext({ key, cert })
  const read = new X509Certificate(cert)
  for (const host of ['mail.example.org', 'localhost']) assert.equal(read.checkHost(host), host)
  for (const ip of ['127.0.0.1', '::1']) assert.ok(read.checkIP(ip))
  assert.equal(read.checkHost('other.example.org'), undefined)
  assert.ok(read.verify(read.publicKey))
  assert.ok(Date.parse(read.validTo) > now + 9 * 365 * 24 * 3600_000)
})
