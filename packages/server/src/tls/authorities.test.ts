import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { StartError } from '../start-error.ts'
import { readChains } from './authorities.ts'

const block = (kind: string, text: string): string =>
  `-----BEGIN ${kind}-----\n${text}\n-----END ${kind}-----\n`

test('Postfix: smtp_tls_chain_files: each key with the certificates behind it', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-chains-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const chainsOf = (text: string) => {
    const file = join(folder, 'chain.pem')
    writeFileSync(file, text)
    return readChains(file, 'smtp_tls_chain_files')
  }
  const [rsa, ecdsa] = [block('RSA PRIVATE KEY', 'r'), block('PRIVATE KEY', 'e')]
  const [one, two, three] = ['1', '2', '3'].map((text) => block('CERTIFICATE', text)) as [
    string,
    string,
    string,
  ]
  assert.deepEqual(chainsOf(rsa + one + two + ecdsa + three), [
    { key: rsa, cert: one + two },
    { key: ecdsa, cert: three },
  ])
  for (const wrong of ['', one, rsa, rsa + ecdsa + one, one + rsa])
    assert.throws(
      () => chainsOf(wrong),
      (error) => error instanceof StartError && /no private key with its certificates/.test(error.message),
    )
})
