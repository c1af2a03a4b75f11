/** What the server shows in TLS, by main.cf. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, test } from 'node:test'
import * as tls from 'node:tls'
import { followGuide, type GuideSite } from './guide.ts'
import { startTls } from './wire.ts'

/** PEM, the key first. */
function chain(name: string, kind: 'rsa' | 'ecdsa'): string {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-chain-'))
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const algorithm =
    kind === 'rsa' ? ['-newkey', 'rsa:2048'] : ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']
  const names = ['-subj', `/CN=${name}`, '-keyout', key, '-out', cert, '-days', '3650']
  execFileSync('openssl', ['req', '-x509', '-nodes', ...algorithm, ...names], { stdio: 'pipe' })
  const text = readFileSync(key, 'utf8') + readFileSync(cert, 'utf8')
  rmSync(folder, { recursive: true })
  return text
}

const chains = { rsa: '', ecdsa: '', other: '' }
before(() => {
  chains.rsa = chain('mx.example.org', 'rsa')
  chains.ecdsa = chain('mx.example.org', 'ecdsa')
  chains.other = chain('mail.example.net', 'ecdsa')
})

interface Seen {
  readonly name: string
  readonly key: string | undefined
  readonly cipher: string
}

/** By STARTTLS on the SMTP port, or by TLS on that of IMAP. */
async function seen(
  { server }: GuideSite,
  how: 'smtp' | 'imaps',
  options: tls.ConnectionOptions = {},
): Promise<Seen> {
  const common = { rejectUnauthorized: false, ...options }
  const socket =
    how === 'imaps'
      ? tls.connect({ port: server.ports.imaps, host: '127.0.0.1', ...common })
      : await startTls(server.ports.smtp, common)
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('secureConnect', resolve)
      socket.once('error', reject)
    })
    const { subject, asn1Curve } = socket.getPeerCertificate()
    return {
      name: String(subject.CN),
      key: asn1Curve === undefined ? 'rsa' : 'ecdsa',
      cipher: socket.getCipher().name,
    }
  } finally {
    socket.destroy()
  }
}

const tls12 = (ciphers: string): tls.ConnectionOptions => ({ maxVersion: 'TLSv1.2', ciphers })

test('TLS_README: smtpd_tls_chain_files, tls_server_sni_maps', async (t) => {
  const site = await followGuide(t, {
    mainCf: `myhostname = mx.example.org
smtpd_tls_security_level = may
smtpd_tls_chain_files =
    /etc/postfix/ecdsa.pem,
    /etc/postfix/rsa.pem
tls_server_sni_maps = hash:/etc/postfix/sni
`,
    files: {
      'rsa.pem': chains.rsa,
      'ecdsa.pem': chains.ecdsa,
      'other.pem': chains.other,
      sni: 'mail.example.net /etc/postfix/other.pem\n.example.com /etc/postfix/other.pem\ntwo.example.net /etc/postfix/other.pem, /etc/postfix/rsa.pem\n',
    },
  })
  for (const how of ['smtp', 'imaps'] as const) {
    assert.equal((await seen(site, how, tls12('ECDHE-ECDSA-AES128-GCM-SHA256'))).key, 'ecdsa', how)
    assert.equal((await seen(site, how, tls12('ECDHE-RSA-AES128-GCM-SHA256'))).key, 'rsa', how)
    const nameFor = async (servername: string) => (await seen(site, how, { servername })).name
    assert.equal(await nameFor('MAIL.example.net'), 'mail.example.net')
    assert.equal(await nameFor('a.b.example.com'), 'mail.example.net')
    assert.equal(await nameFor('example.com'), 'mx.example.org')
    assert.equal(await nameFor('mx.example.org'), 'mx.example.org')
    const rsa = await seen(site, how, {
      ...tls12('ECDHE-RSA-AES128-GCM-SHA256'),
      servername: 'two.example.net',
    })
    assert.deepEqual(rsa, { name: 'mx.example.org', key: 'rsa', cipher: 'ECDHE-RSA-AES128-GCM-SHA256' })
  }
})

test('smtpd_tls_eccert_file; ciphers as a generator of TLS settings writes them, for Postfix and for Dovecot', async (t) => {
  const offered = 'ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384'
  const site = await followGuide(t, {
    mainCf: `myhostname = mx.example.org
smtpd_tls_security_level = may
smtpd_tls_cert_file = /etc/postfix/rsa.pem
smtpd_tls_key_file = /etc/postfix/rsa.pem
smtpd_tls_eccert_file = /etc/postfix/ecdsa.pem
smtpd_tls_mandatory_ciphers = medium
tls_medium_cipherlist = ${offered}
smtpd_tls_exclude_ciphers = aNULL, ECDHE-RSA-AES256-GCM-SHA384
tls_preempt_cipherlist = no
ssl_cert = </etc/postfix/rsa.pem
ssl_key = </etc/postfix/rsa.pem
ssl_cipher_list = ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256
ssl_prefer_server_ciphers = yes
`,
    files: { 'rsa.pem': chains.rsa, 'ecdsa.pem': chains.ecdsa },
  })
  const both = tls12('ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384')
  assert.equal((await seen(site, 'smtp')).cipher.slice(0, 4), 'TLS_', 'TLS 1.3 has its own suites')
  assert.equal((await seen(site, 'smtp', tls12('ECDHE-ECDSA-AES128-GCM-SHA256'))).key, 'ecdsa')
  assert.equal((await seen(site, 'smtp', both)).cipher, 'ECDHE-RSA-AES128-GCM-SHA256')
  await assert.rejects(seen(site, 'smtp', tls12('ECDHE-RSA-AES256-GCM-SHA384')), 'excluded')
  await assert.rejects(seen(site, 'smtp', tls12('ECDHE-RSA-CHACHA20-POLY1305')), 'not in the list')
  const turned = tls12('ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256')
  assert.equal((await seen(site, 'smtp', turned)).key, 'ecdsa', "the client's order")
  assert.equal((await seen(site, 'imaps', both)).cipher, 'ECDHE-RSA-AES256-GCM-SHA384', "the server's order")
  await assert.rejects(seen(site, 'imaps', tls12('ECDHE-ECDSA-AES128-GCM-SHA256')), 'one certificate only')
})

test('chains and ciphers that cannot be used are named at the start', async (t) => {
  const files = {
    'rsa.pem': chains.rsa,
    'none.pem': 'nothing\n',
    sni: 'mail.example.net /etc/postfix/none.pem\n',
  }
  const refused = async (line: string, reason: RegExp) =>
    await assert.rejects(followGuide(t, { mainCf: `${line}\n`, files }), reason, line)
  await refused(
    'smtpd_tls_chain_files = /etc/postfix/none.pem',
    /none\.pem \(smtpd_tls_chain_files\): no private key/,
  )
  await refused('smtpd_tls_chain_files = /etc/postfix/nosuch.pem', /Cannot read .*nosuch\.pem/)
  await refused('smtpd_tls_eccert_file = /etc/postfix/none.pem', /none\.pem does not hold a PEM certificate/)
  await refused(
    'tls_server_sni_maps = hash:/etc/postfix/sni',
    /none\.pem \(tls_server_sni_maps\): no private key/,
  )
  await refused('tls_server_sni_maps = regexp:/etc/postfix/sni', /its names cannot be listed/)
  await refused('tls_medium_cipherlist = NOSUCH', /TLS of SMTP: .*list of ciphers names none/)
})
