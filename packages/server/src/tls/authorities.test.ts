import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { StartError } from '../start-error.ts'
import { readAnchors, readChains } from './authorities.ts'

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

test('Postfix: smtp_tls_trust_anchor_file: certificates of all files, and nothing else', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-anchors-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const write = (name: string, text: string) => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  const one = write('one', block('CERTIFICATE', '1'))
  const two = write('two', `# mine\n${block('TRUSTED CERTIFICATE', '2')}`)
  const anchors = readAnchors([one, two], 'x') ?? ''
  assert.deepEqual(anchors.match(/^\d$/gm), ['1', '2'])
  assert.equal(readAnchors([], 'x'), undefined)
  for (const wrong of [
    write('none', ''),
    write('key', block('PUBLIC KEY', 'k')),
    write('both', block('CERTIFICATE', '1') + block('PUBLIC KEY', 'k')),
    join(folder, 'nosuch'),
  ])
    assert.throws(() => readAnchors([one, wrong], 'x'), StartError)
})
