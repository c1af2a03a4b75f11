/** Clients that show a certificate: Postfix's smtpd_tls_ask_ccert and what may depend on it. */
import assert from 'node:assert/strict'
import { createHash, type X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import * as tls from 'node:tls'
import type { LogEvent } from '@posthorn/mail'
import { type MailServer, startMailServer } from '@posthorn/server'
import { type MadeCertificate, makeCertificate } from '../../packages/smtp/src/client/certificate-fixture.ts'
import { alice } from './mail-server.ts'
import { readMailbox } from './mailbox-reader.ts'
import { startTls, Wire } from './wire.ts'

const authority = makeCertificate({ name: 'Test authority', kind: 'authority' })
const trusted = makeCertificate({ name: 'client one', kind: 'server', issuer: authority })
const selfMade = makeCertificate({ name: 'self made', kind: 'server' })
const expired = makeCertificate({ name: 'too late', kind: 'server', issuer: authority, endsInMs: -1000 })

const colons = (octets: Uint8Array, digest: string): string =>
  (createHash(digest).update(octets).digest('hex').toUpperCase().match(/../g) ?? []).join(':')
const fingerprint = ({ raw }: X509Certificate, digest = 'sha256'): string => colons(raw, digest)
const keyFingerprint = ({ publicKey }: X509Certificate): string =>
  colons(publicKey.export({ type: 'spki', format: 'der' }), 'sha256')

const folder = mkdtempSync(join(tmpdir(), 'posthorn-ccert-'))
after(() => rmSync(folder, { recursive: true }))
writeFileSync(join(folder, 'ca.pem'), authority.cert)

type Shown = MadeCertificate | undefined

/** STARTTLS with a certificate, or TLS from the first octet; then lines, each with its reply. */
async function talk(
  port: number,
  shown: Shown,
  lines: readonly string[],
  how: 'starttls' | 'tls' = 'starttls',
) {
  const pair = shown === undefined ? {} : { cert: shown.cert, key: shown.key }
  const options = { rejectUnauthorized: false, ...pair }
  const wire = new Wire(
    how === 'tls' ? tls.connect({ port, host: '127.0.0.1', ...options }) : await startTls(port, options),
  )
  const replies: string[] = []
  if (how === 'tls') {
    await wire.hears(/^\d{3} .*\r\n/)
    replies.push(wire.heard.trim())
  }
  for (const line of lines) {
    const from = wire.heard.length
    wire.send(`${line}\r\n`)
    await wire.hears(new RegExp(`^[^]{${from}}(?:\\d{3}-.*\\r\\n)*\\d{3} .*\\r\\n`)).catch(() => '')
    replies.push(wire.heard.slice(from).trim())
    if (wire.closed) break
  }
  if (!wire.closed) wire.send('QUIT\r\n')
  await wire.untilClosed()
  return replies
}

const hello = 'EHLO client.example.net'
const from = 'MAIL FROM:<a@example.net>'
const elsewhere = 'RCPT TO:<x@example.com>'

describe('certificates of clients', () => {
  let server: MailServer
  const events: LogEvent[] = []
  const usual = {
    myhostname: 'mail.example.org',
    mydestination: 'example.org',
    myorigin: 'example.org',
    mynetworks: '192.0.2.0/24',
    smtpd_peername_lookup: 'no',
    smtpd_tls_loglevel: '1',
    smtpd_tls_ask_ccert: 'yes',
    smtpd_tls_CAfile: join(folder, 'ca.pem'),
  }
  const configure = async (more: Readonly<Record<string, string>>) => {
    events.splice(0)
    await server.configure({ ...usual, ...more })
  }
  const logged = (): string => events.map(({ text }) => text).join('\n')
  const lastReply = async (shown: Shown, line = elsewhere): Promise<string> =>
    (await talk(server.ports.smtp, shown, [hello, from, line])).at(-1) ?? ''

  before(async () => {
    server = await startMailServer({
      parameters: usual,
      accounts: [alice],
      log: (event) => void events.push(event),
    })
  })
  after(async () => await server.stop())

  test('permit_tls_all_clientcerts: who is certified by an authority that we trust may relay', async () => {
    await configure({ smtpd_relay_restrictions: 'permit_tls_all_clientcerts, reject_unauth_destination' })
    assert.match(await lastReply(trusted), /^250 2\.1\.5/)
    assert.match(logged(), /Trusted TLS connection established from unknown\[127\.0\.0\.1\]: TLSv1\.3/)
    for (const shown of [undefined, selfMade, expired]) assert.match(await lastReply(shown), /^554 5\.7\.1/)
    assert.match(logged(), /Anonymous TLS connection established/)
    assert.match(logged(), /Untrusted TLS connection established/)
    // Without authorities nobody is trusted: not those of the system either.
    await configure({
      smtpd_tls_CAfile: '',
      smtpd_relay_restrictions: 'permit_tls_all_clientcerts, reject_unauth_destination',
    })
    assert.match(await lastReply(trusted), /^554 5\.7\.1/)
    // Nobody is asked, nobody is known.
    await configure({
      smtpd_tls_ask_ccert: 'no',
      smtpd_relay_restrictions: 'permit_tls_all_clientcerts, reject_unauth_destination',
    })
    assert.match(await lastReply(trusted), /^554 5\.7\.1/)
  })

  test('permit_tls_clientcerts: relay_clientcerts by fingerprint of certificate or key', async () => {
    const file = join(folder, 'relay')
    writeFileSync(file, `${fingerprint(selfMade.x509)} self made\n${keyFingerprint(trusted.x509)} one\n`)
    const rules = { smtpd_relay_restrictions: 'permit_tls_clientcerts, reject_unauth_destination' }
    await configure({ ...rules, relay_clientcerts: `hash:${file}` })
    for (const shown of [selfMade, trusted]) assert.match(await lastReply(shown), /^250 2\.1\.5/)
    for (const shown of [expired, undefined]) assert.match(await lastReply(shown), /^554 5\.7\.1/)
    await configure({ ...rules, relay_clientcerts: `hash:${file}`, smtpd_tls_fingerprint_digest: 'sha1' })
    assert.match(await lastReply(selfMade), /^554 5\.7\.1/)
    await configure({
      ...rules,
      relay_clientcerts: `inline:{ ${fingerprint(selfMade.x509, 'sha1')}=yes }`,
      smtpd_tls_fingerprint_digest: 'sha1',
    })
    assert.match(await lastReply(selfMade), /^250 2\.1\.5/)
  })

  test('check_ccert_access: access(5) by fingerprint', async () => {
    const file = join(folder, 'access')
    writeFileSync(
      file,
      `${fingerprint(selfMade.x509)} REJECT not you\n${keyFingerprint(trusted.x509)} OK\n${fingerprint(expired.x509)} 450 4.7.1 renew it\n`,
    )
    const list = `check_ccert_access hash:${file}, reject_unauth_destination`
    await configure({ smtpd_relay_restrictions: list })
    assert.match(await lastReply(trusted), /^250 2\.1\.5/)
    assert.equal(
      await lastReply(selfMade),
      '554 5.7.1 <unknown[127.0.0.1]>: Client certificate rejected: not you',
    )
    assert.equal(
      await lastReply(expired),
      '450 4.7.1 <unknown[127.0.0.1]>: Client certificate rejected: renew it',
    )
    assert.match(await lastReply(undefined), /Relay access denied/)
    await configure({
      smtpd_relay_restrictions: `check_ccert_access { hash:${file}, { search_order = cert_fingerprint } }, reject_unauth_destination`,
    })
    assert.match(await lastReply(trusted), /Relay access denied/)
  })

  test('smtpd_tls_req_ccert: who shows none that is trusted is sent away where TLS is required', async () => {
    await configure({ smtpd_tls_req_ccert: 'yes', smtpd_tls_security_level: 'encrypt' })
    const said = async (shown: Shown) => await talk(server.ports.smtp, shown, [hello])
    assert.match(
      (await said(undefined)).join(),
      /^421 4\.7\.1 mail\.example\.org Error: No client certificate presented/,
    )
    assert.match(
      (await said(selfMade)).join(),
      /^421 4\.7\.1 mail\.example\.org Error: Client certificate not trusted/,
    )
    assert.match((await said(expired)).join(), /^421 4\.7\.1 /)
    assert.match((await said(trusted)).join(), /^250-/)
    assert.match(
      logged(),
      /NOQUEUE: abort: TLS from unknown\[127\.0\.0\.1\]: No client certificate presented/,
    )
    const wrapped = async (shown: Shown) => await talk(server.ports.submissions, shown, [hello], 'tls')
    assert.match((await wrapped(undefined)).join(), /^421 4\.7\.1 .* No client certificate presented/)
    assert.match((await wrapped(trusted))[0] ?? '', /^220 /)
    // Where TLS is not required nobody can be made to show one.
    await configure({ smtpd_tls_req_ccert: 'yes' })
    assert.match((await said(undefined)).join(), /^250-/)
  })

  test('what Received and policy services are told', async () => {
    const questions: string[] = []
    const sockets = new Set<Socket>()
    const service = createServer((socket) => {
      sockets.add(socket)
      let question = ''
      socket.on('error', () => {})
      socket.on('data', (octets) => {
        question += octets.toString()
        if (!question.endsWith('\n\n')) return
        questions.push(question)
        question = ''
        socket.write('action=DUNNO\n\n')
      })
    })
    await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve))
    const address = service.address()
    const port = typeof address === 'object' ? address?.port : 0
    try {
      await configure({ smtpd_recipient_restrictions: `check_policy_service inet:127.0.0.1:${port}` })
      for (const [shown, text] of [
        [undefined, '(Client did not present a certificate)'],
        [trusted, '(Client CN "client one", Issuer "Test authority" (verified OK))'],
        [selfMade, '(Client CN "self made", Issuer "self made" (not verified))'],
      ] as const) {
        const to = `RCPT TO:<${alice.address}>`
        const replies = await talk(server.ports.smtp, shown, [hello, from, to, 'DATA', 'Subject: x\r\n\r\n.'])
        assert.match(replies.at(-1) ?? '', /^250 2\.0\.0/)
        const source = (await readMailbox(server.ports.imap, alice)).at(-1)?.source.toString() ?? ''
        assert.ok(source.includes(text), source)
      }
    } finally {
      service.close()
      for (const socket of sockets) socket.destroy()
    }
    const told = questions.map((text) => /ccert_[\s\S]*?(?=\nencryption)/.exec(text)?.[0])
    assert.deepEqual(told, [
      'ccert_subject=\nccert_issuer=\nccert_fingerprint=\nccert_pubkey_fingerprint=',
      `ccert_subject=client+20one\nccert_issuer=Test+20authority\nccert_fingerprint=${fingerprint(trusted.x509)}\nccert_pubkey_fingerprint=${keyFingerprint(trusted.x509)}`,
      `ccert_subject=\nccert_issuer=\nccert_fingerprint=${fingerprint(selfMade.x509)}\nccert_pubkey_fingerprint=${keyFingerprint(selfMade.x509)}`,
    ])
  })

  test('an authority that cannot be read is named', async () => {
    await assert.rejects(configure({ smtpd_tls_CAfile: '/nosuch/ca.pem' }), /smtpd_tls_CAfile/)
  })
})
