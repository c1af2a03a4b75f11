/**
 * OpenSMTPD of Debian at both ends. As a package it would take the place of Postfix, so it is unpacked instead:
 * `apt-get download opensmtpd && dpkg -x opensmtpd_*.deb /opt/opensmtpd`, with its users and `/var/lib/opensmtpd/empty`.
 */
import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { MailServer } from '@posthorn/server'
import { createTransport } from 'nodemailer'
import { makeCertificate } from '../../packages/smtp/src/client/certificate-fixture.ts'
import { alice, eventually, startForClients } from '../clients/mail-server.ts'
import { readMailbox } from '../clients/mailbox-reader.ts'
import { freePort } from '../free-port.ts'
import { type OtherServer, startOtherServer } from '../other-server.ts'
import { type Daemon, startDaemon } from './daemon.ts'

const program = '/opt/opensmtpd/usr/sbin/smtpd'
const passwd = readFileSync('/etc/passwd', 'utf8')
const missing =
  process.getuid?.() !== 0
    ? 'only root can start OpenSMTPD'
    : !(
        existsSync(program) &&
        existsSync('/var/lib/opensmtpd/empty') &&
        ['opensmtpd', 'opensmtpq'].every((user) => passwd.includes(`\n${user}:`))
      ) && 'no OpenSMTPD on this machine'

const configuration = (parts: {
  readonly folder: string
  readonly port: number
  readonly sink: number
  readonly posthorn: number
}): string => `pki opensmtpd.test cert "${parts.folder}/cert.pem"
pki opensmtpd.test key "${parts.folder}/key.pem"
listen on 127.0.0.1 port ${parts.port} tls pki opensmtpd.test hostname opensmtpd.test mask-src
action "box" relay host "smtp://127.0.0.1:${parts.sink}"
action "posthorn" relay host "smtp+tls://127.0.0.1:${parts.posthorn}" tls no-verify
match from any for domain "opensmtpd.test" action "box"
match from any for domain "example.org" action "posthorn"
match from any mail-from "<>" for any action "box"
`

describe('OpenSMTPD at both ends', { skip: missing }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-opensmtpd-'))
  let sink: OtherServer
  let daemon: Daemon
  let server: MailServer
  let port = 0

  before(async () => {
    sink = await startOtherServer()
    port = await freePort()
    const { cert, key } = makeCertificate({ name: 'opensmtpd.test', kind: 'server' })
    writeFileSync(join(folder, 'cert.pem'), cert, { mode: 0o600 })
    writeFileSync(join(folder, 'key.pem'), key, { mode: 0o600 })
    chmodSync(folder, 0o755)
    server = await startForClients({
      mynetworks: '127.0.0.0/8',
      // What it is no server of it refuses.
      transport_maps: `inline:{opensmtpd.test=smtp:[127.0.0.1]:${port},other.test=smtp:[127.0.0.1]:${port}}`,
    })
    const file = join(folder, 'smtpd.conf')
    const parts = { folder, port, posthorn: server.ports.smtp }
    writeFileSync(file, configuration({ ...parts, sink: sink.port }), { mode: 0o644 })
    daemon = await startDaemon(program, ['-d', '-f', file], { port }, join(folder, 'output'))
  })
  after(async () => {
    await daemon?.stop()
    await server?.stop()
    await sink.close()
    rmSync(folder, { recursive: true, force: true })
    // What it still has to say belongs to this test alone: as a package it is not on this machine.
    if (!existsSync('/usr/sbin/smtpd')) rmSync('/var/spool/smtpd', { recursive: true, force: true })
  })

  const send = async (at: number, from: string, to: string[], subject: string, body: string) =>
    await createTransport({ host: '127.0.0.1', port: at, ignoreTLS: true }).sendMail({
      envelope: { from, to, use8BitMime: true },
      raw: `From: ${from}\r\nSubject: ${subject}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n${body}`,
    })

  // Debian's build offers STARTTLS and cannot do it with its OpenSSL: at level may, mail goes all the same.
  test('out to OpenSMTPD: dots, 8 bits, long lines, one recipient refused', async () => {
    const body = `.first\r\n..second\r\n.\r\nümlaut ${'ä'.repeat(300)}\r\n${'x'.repeat(990)}\r\nend\r\n`
    const recipients = ['box@opensmtpd.test', 'refused@other.test']
    await send(server.ports.smtp, alice.address, recipients, 'out to OpenSMTPD', body)
    const box = await eventually(
      'the message behind OpenSMTPD',
      async () => sink.heard.find(({ text }) => text.includes('out to OpenSMTPD')),
      60_000,
    )
    assert.deepEqual([box.from, box.to], [alice.address, ['box@opensmtpd.test']])
    const source = Buffer.from(box.text, 'latin1').toString()
    assert.match(source, /by opensmtpd\.test \(OpenSMTPD\) with ESMTP/)
    assert.equal(source.slice(source.indexOf('\r\n\r\n') + 4), body)
    const bounce = await eventually('the bounce', async () =>
      (await readMailbox(server.ports.imap, alice))
        .map((message) => message.source.toString())
        .find((one) => one.includes('Undelivered')),
    )
    assert.match(bounce, /Final-Recipient: rfc822; refused@other\.test/)
    assert.match(bounce, /Diagnostic-Code: smtp; 550 /)
    assert.deepEqual(await server.store.queue.list(), [])
  })

  test('in from OpenSMTPD over TLS: octet for octet, and what we refuse comes back to its sender', async () => {
    const lines = Array.from({ length: 4_000 }, (_, i) => `.${i} ä ${'x'.repeat(i % 90)}`)
    const sent = `${lines.join('\r\n')}\r\n`
    await send(port, 'box@opensmtpd.test', [alice.address, 'nobody@example.org'], 'in from OpenSMTPD', sent)
    const source = await eventually(
      'the message here',
      async () =>
        (await readMailbox(server.ports.imap, alice))
          .map((message) => message.source.toString())
          .find((one) => one.includes('in from OpenSMTPD')),
      60_000,
    )
    assert.match(source, /\(Posthorn\) with ESMTPS /)
    assert.equal(source.slice(source.indexOf('\r\n\r\n') + 4), sent)
    const bounce = await eventually(
      'the bounce of OpenSMTPD',
      async () => sink.heard.find(({ from, text }) => from === '' && text.includes('nobody@example.org')),
      60_000,
    )
    assert.match(bounce.text, /550 5\.1\.1 <nobody@example\.org>: Recipient address rejected/)
  })
})
