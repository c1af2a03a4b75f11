import assert from 'node:assert/strict'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { connect } from 'node:tls'
import { createSelfSigned } from '../../packages/server/src/tls/self-signed.ts'
import {
  command,
  createSite,
  eventually,
  imapClient,
  inFolder,
  LineClient,
  startServer,
  stopServer,
} from './running-server.ts'

async function certificateAt(port: number): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
  await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject))
  const { subject } = socket.getPeerCertificate()
  socket.destroy()
  return String(subject.CN)
}

for (const workers of [1, 2])
  test(`reload: parameters, tables, certificate, log file; a faulty main.cf changes nothing (${workers} workers)`, async () => {
    await inFolder(async (folder) => {
      const certFile = join(folder, 'cert.pem')
      const log = join(folder, 'maillog')
      const table = join(folder, 'virtual')
      const install = async (name: string): Promise<void> => {
        const { cert, key } = await createSelfSigned([name], Date.now())
        writeFileSync(certFile, cert + key)
      }
      await install('old.test')
      writeFileSync(table, '')
      const lines = (more: string): string =>
        `workers = ${workers}\nsample_accounts = no\ndisable_plaintext_auth = no\nssl_cert = <${certFile}\nssl_key = <${certFile}\nsmtpd_tls_cert_file = ${certFile}\nmaillog_file = ${log}\nvirtual_alias_maps = hash:${table}\n${more}`
      const site = await createSite(folder, lines(''))
      const server = await startServer(site)
      await command(site, ['user', 'add', 'alice@example.org', '--password', 'secret'])
      const imap = await imapClient(site)
      const smtp = await LineClient.connect(site.ports.smtp, /^220 /)
      await smtp.ask('ehlo client.test', /^250-SIZE (?!4711)/m)
      await smtp.ask('mail from:<>', /^250 /m)
      await smtp.ask('rcpt to:<sales@example.org>', /^550 5\.1\.1 /m)
      assert.equal(await certificateAt(site.ports.imaps), 'old.test')

      await install('new.test')
      // Long, so that it is read beside other work.
      const others = Array.from({ length: 2_000 }, (_, n) => `user${n}@example.org alice@example.org\n`)
      writeFileSync(table, `${others.join('')}sales@example.org alice@example.org\n`)
      renameSync(log, `${log}.1`)
      site.configure(lines('message_size_limit = 4711\nimap_port = 1\n'))
      const done = await command(site, ['reload'])
      assert.equal(done.code, 0, done.err)
      assert.match(done.out, /^reloaded, changed: .*message_size_limit/m)
      // The second setting of imap_port wins; it is named each time until the restart.
      assert.match(done.out, /^a restart is needed for: imap_port$/m)
      assert.match(
        (await command(site, ['reload'])).out,
        /nothing changed\na restart is needed for: imap_port/,
      )

      for (const port of [site.ports.imaps, site.ports.pop3s, site.ports.submissions, site.ports.imaps])
        assert.equal(await certificateAt(port), 'new.test')
      await smtp.ask('rset\r\nmail from:<>\r\nrcpt to:<sales@example.org>', /^250 2\.1\.5 /m)
      await smtp.ask('rset', /^250 /m)
      await smtp.ask('mail from:<> size=5000', /^552 5\.3\.4 /m)
      await imap.ask('b noop', /^b OK/m)
      await eventually(() => assert.match(readFileSync(log, 'utf8'), /reload -- version/))

      const faulty = lines('message_size_limit = 1\nsmtpd_bannr = x\n')
      site.configure(faulty)
      const refused = await command(site, ['reload'])
      assert.equal(refused.code, 1)
      assert.match(refused.err, /main\.cf:\d+: .*smtpd_bannr.*did you mean.*smtpd_banner/i)
      assert.match(faulty.split('\n').at(-2) ?? '', /bannr/)
      await smtp.ask('mail from:<> size=4000', /^250 /m)
      server.signal('SIGHUP')
      // That of the command, and that of the signal: until then main.cf must stay as it is.
      await eventually(() => {
        const refusals = readFileSync(log, 'utf8').matchAll(
          /reload refused, the old configuration stays: .*main\.cf:\d+: /g,
        )
        assert.equal([...refusals].length, 2)
      })

      writeFileSync(certFile, 'broken')
      site.configure(lines('message_size_limit = 1'))
      const broken = await command(site, ['reload'])
      assert.equal(broken.code, 1)
      assert.match(broken.err, /cert\.pem does not hold[^\n]*: \S/)
      assert.equal(await certificateAt(site.ports.imaps), 'new.test')
      await smtp.ask('rset\r\nmail from:<> size=4000', /^250 .*\r\n250 .*\r\n$/)
      await imap.ask('c noop', /^c OK/m)
      smtp.close()
      imap.close()
      assert.equal((await stopServer(server)).code, 0)
    })
  })
