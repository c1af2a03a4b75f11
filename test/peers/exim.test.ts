/**
 * Debian's Exim at both ends. It conflicts with Postfix as a package, so it is unpacked instead:
 * `apt-get download exim4-daemon-light && dpkg -x exim4-daemon-light_*.deb /opt/exim && useradd -r Debian-exim`.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { MailServer } from '@posthorn/server'
import { createTransport } from 'nodemailer'
import { alice, eventually, startForClients } from '../clients/mail-server.ts'
import { readMailbox } from '../clients/mailbox-reader.ts'
import { freePort } from '../free-port.ts'
import { type Daemon, startDaemon } from './daemon.ts'

const exim = ['/usr/sbin/exim4', '/opt/exim/usr/sbin/exim4'].find((path) => existsSync(path)) ?? ''
/** Its package makes this user, and the program asks for it whatever its configuration says. */
const hasUser = /^Debian-exim:/m.test(readFileSync('/etc/passwd', 'utf8'))
const missing =
  process.getuid?.() !== 0
    ? 'only root can start Exim as another user'
    : (exim === '' || !hasUser) && 'no Exim on this machine'

const configuration = (folder: string, port: number, posthorn: number): string => `
exim_user = nobody
exim_group = nogroup
exim_path = ${exim}
spool_directory = ${folder}/spool
log_file_path = ${folder}/log/%slog
pid_file_path = ${folder}/exim.pid
primary_hostname = exim.example.net
qualify_domain = exim.test
local_interfaces = 127.0.0.1
daemon_smtp_ports = ${port}
tls_advertise_hosts =
dsn_advertise_hosts = *
keep_environment =
acl_smtp_rcpt = acl_rcpt
queue_run_in_order = false
begin acl
acl_rcpt:
  deny local_parts = refused
    message = not this one
  defer local_parts = later
    message = come back
  accept
begin routers
here:
  driver = accept
  domains = exim.test
  transport = mbox
there:
  driver = manualroute
  route_data = 127.0.0.1
  transport = posthorn
  self = send
begin transports
mbox:
  driver = appendfile
  file = ${folder}/mail/mbox
  envelope_to_add
  return_path_add
  user = nobody
posthorn:
  driver = smtp
  port = ${posthorn}
  hosts_try_fastopen =
begin retry
* * F,1h,1m
`

describe('Exim at both ends', { skip: missing }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-exim-'))
  let daemon: Daemon
  let server: MailServer
  let port = 0

  before(async () => {
    port = await freePort()
    for (const name of ['spool', 'log', 'mail']) mkdirSync(join(folder, name))
    execFileSync('chown', ['-R', 'nobody:nogroup', folder])
    chmodSync(folder, 0o755)
    server = await startForClients({
      mynetworks: '127.0.0.0/8',
      transport_maps: `inline:{exim.test=smtp:[127.0.0.1]:${port}}`,
    })
    const file = join(folder, 'exim.conf')
    writeFileSync(file, configuration(folder, port, server.ports.smtp), { mode: 0o644 })
    daemon = await startDaemon(exim, ['-C', file, '-bdf', '-q1m'], { port }, join(folder, 'output'))
  })
  after(async () => {
    await daemon?.stop()
    await server?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  const send = async (at: number, from: string, to: string[], subject: string, body: string) =>
    await createTransport({ host: '127.0.0.1', port: at, ignoreTLS: true }).sendMail({
      envelope: { from, to, use8BitMime: true },
      raw: `From: ${from}\r\nSubject: ${subject}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n${body}`,
    })

  test('out to Exim: dots, 8 bits, one recipient refused and one put off', async () => {
    const body = `.first\r\n..second\r\n.\r\nümlaut ${'ä'.repeat(300)}\r\nend\r\n`
    const recipients = ['box@exim.test', 'refused@exim.test', 'later@exim.test']
    await send(server.ports.smtp, alice.address, recipients, 'out to Exim', body)
    const box = await eventually('the message at Exim', async () => {
      const file = join(folder, 'mail', 'mbox')
      const found = existsSync(file) ? readFileSync(file, 'utf8') : ''
      return found.includes('out to Exim') ? found : undefined
    })
    assert.match(box, /^Return-path: <alice@example\.org>$/m)
    assert.match(box, /^Envelope-to: box@exim\.test$/m)
    assert.ok(box.includes(body.replaceAll('\r\n', '\n')), box)
    const bounce = await eventually('the bounce', async () =>
      (await readMailbox(server.ports.imap, alice))
        .map(({ source }) => source.toString())
        .find((source) => source.includes('Undelivered')),
    )
    assert.match(bounce, /Final-Recipient: rfc822; refused@exim\.test/)
    assert.match(bounce, /Diagnostic-Code: smtp; 550 not this one/)
    assert.doesNotMatch(bounce, /Final-Recipient: rfc822; (?:box|later)@/)
    const [waiting] = await server.store.queue.list()
    assert.deepEqual(
      waiting?.recipients.map(({ address, last }) => [address, last?.status]),
      [['later@exim.test', '4.0.0']],
    )
  })

  test('in from Exim: octet for octet, and what we refuse comes back to its sender', async () => {
    const lines = Array.from({ length: 4_000 }, (_, i) => `.${i} ä ${'x'.repeat(i % 90)}`)
    const sent = `${lines.join('\r\n')}\r\n`
    await send(port, 'box@exim.test', [alice.address, 'nobody@example.org'], 'in from Exim', sent)
    const source = await eventually('the message here', async () =>
      (await readMailbox(server.ports.imap, alice))
        .map((message) => message.source.toString())
        .find((one) => one.includes('in from Exim')),
    )
    assert.match(source, /from exim\.example\.net .*with ESMTP/s)
    assert.equal(source.slice(source.indexOf('\r\n\r\n') + 4), sent)
    await eventually('the bounce of Exim', async () => {
      const found = readFileSync(join(folder, 'mail', 'mbox'), 'utf8')
      return /nobody@example\.org[\s\S]*550 5\.1\.1 <nobody@example\.org>: Recipient address rejected/.test(
        found,
      )
        ? true
        : undefined
    })
  })

  test('RFC 3030: large mail goes out to Exim by BDAT, and comes in from it', async () => {
    const lines = Array.from({ length: 30_000 }, (_, i) => `.${i} ${'x'.repeat(i % 110)}`)
    const body = `${lines.join('\r\n')}\r\n`
    const mainLog = () => readFileSync(join(folder, 'log', 'mainlog'), 'latin1')
    await send(server.ports.smtp, alice.address, ['box@exim.test'], 'large for Exim', body)
    await eventually('the large message at Exim', async () => {
      const file = join(folder, 'mail', 'mbox')
      const box = existsSync(file) ? readFileSync(file, 'utf8') : ''
      return box.includes('large for Exim') && box.includes(body.replaceAll('\r\n', '\n')) ? true : undefined
    })
    // Exim marks what came in chunks.
    assert.match(mainLog(), /<= alice@example\.org .* K /)
    await send(port, 'box@exim.test', [alice.address], 'large from Exim', body)
    const source = await eventually('the large message here', async () =>
      (await readMailbox(server.ports.imap, alice))
        .map((message) => message.source.toString())
        .find((one) => one.includes('large from Exim')),
    )
    assert.equal(source.slice(source.indexOf('\r\n\r\n') + 4), body)
  })
})
