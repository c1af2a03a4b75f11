/** Parameters of the receiving side that a client can see, on the whole server. */
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import type { LogEvent } from '@posthorn/mail'
import { startMailServer } from '@posthorn/server'
import { alice, bob } from './mail-server.ts'
import { readMailbox } from './mailbox-reader.ts'
import { Wire } from './wire.ts'

async function site(t: TestContext, parameters: Readonly<Record<string, string>>) {
  const events: LogEvent[] = []
  const server = await startMailServer({
    parameters: {
      myhostname: 'mail.example.org',
      mydestination: 'example.org',
      myorigin: 'example.org',
      mynetworks: '192.0.2.0/24',
      smtpd_tls_auth_only: 'no',
      smtpd_greet_wait: '0',
      ...parameters,
    },
    accounts: [alice, bob],
    log: (event) => void events.push(event),
  })
  t.after(async () => await server.stop())
  /** Replies to lines as they stand, each after the one before. */
  const talk = async (...says: readonly string[]): Promise<readonly string[]> => {
    const wire = await Wire.open(server.ports.smtp)
    await wire.hears(/^220 .*\r\n/)
    const replies: string[] = []
    for (const say of says) {
      const from = wire.heard.length
      wire.send(say)
      await wire.hears(/^\d{3} [^\r]*\r\n$/m).catch(() => '')
      for (
        let n = 0;
        n < 400 && !/(?:^|\n)\d{3} [^\r]*\r\n$/.test(wire.heard.slice(from)) && !wire.closed;
        n++
      )
        await new Promise((resolve) => setTimeout(resolve, 10))
      replies.push(wire.heard.slice(from).trimEnd())
      if (wire.closed) break
    }
    wire.close()
    return replies
  }
  return { server, talk, lines: () => events.map(({ text }) => text) }
}

const envelope = [`EHLO c.test\r\n`, 'MAIL FROM:<a@b.test>\r\n', `RCPT TO:<${alice.address}>\r\n`, 'DATA\r\n']

test('smtpd_forbid_bare_newline = reject: the message is refused, a command ends the session', async (t) => {
  const { server, talk, lines } = await site(t, {
    smtpd_forbid_bare_newline: 'reject',
    smtpd_forbid_bare_newline_exclusions: '192.0.2.1',
  })
  const said = await talk(...envelope, 'Subject: x\r\n\r\nhi\nthere\r\n.\r\n', 'NOOP\r\n')
  assert.deepEqual(said.slice(-2), ['550 5.5.2 mail.example.org Error: bare <LF> received', '250 2.0.0 Ok'])
  assert.deepEqual(await talk('EHLO c.test\n', 'NOOP\r\n'), [
    '550 5.5.2 mail.example.org Error: bare <LF> received',
  ])
  const rejects = lines().filter((line) => line.includes('bare <LF>'))
  assert.match(
    rejects[0] ?? '',
    /^reject: END-OF-MESSAGE from localhost\[127\.0\.0\.1\]: bare <LF> received; from=<a@b\.test> to=<alice@example\.org> proto=ESMTP helo=<c\.test>$/,
  )
  assert.match(
    rejects[1] ?? '',
    /^NOQUEUE: reject: CONNECT from localhost\[127\.0\.0\.1\]: bare <LF> received; proto=SMTP$/,
  )
  assert.equal((await readMailbox(server.ports.imap, alice)).length, 0)
  await server.reload({
    smtpd_forbid_bare_newline_exclusions: '127.0.0.0/8',
    smtpd_forbid_bare_newline_reject_code: '521',
  })
  assert.match(
    (await talk(...envelope, 'Subject: x\r\n\r\nhi\nthere\r\n.\r\n')).at(-1) ?? '',
    /^250 2\.0\.0 Ok: queued/,
  )
  await server.reload({ smtpd_forbid_bare_newline: 'note' })
  assert.match(
    (await talk(...envelope, 'Subject: x\r\n\r\nhi\nthere\r\n.\r\n')).at(-1) ?? '',
    /^250 2\.0\.0 Ok: queued/,
  )
  assert.ok(lines().includes('bare <LF> received after DATA from localhost[127.0.0.1]'))
})

test('smtpd_sasl_exceptions_networks, smtpd_sasl_tls_security_options, smtpd_sasl_local_domain', async (t) => {
  const { server, talk } = await site(t, {
    smtpd_sasl_exceptions_networks: '127.0.0.0/8',
    smtpd_sasl_auth_enable: 'yes',
    mydestination: 'example.org, other.test',
    auth_default_realm: 'other.test',
  })
  const token = Buffer.from(`\0alice\0${alice.password}`).toString('base64')
  const hidden = await talk('EHLO c.test\r\n', `AUTH PLAIN ${token}\r\n`)
  assert.doesNotMatch(hidden[0] ?? '', /AUTH/)
  assert.equal(hidden[1], '503 5.5.1 Error: authentication not enabled')
  await server.reload({ smtpd_sasl_exceptions_networks: '', smtpd_sasl_local_domain: 'example.org' })
  assert.match((await talk('EHLO c.test\r\n', `AUTH PLAIN ${token}\r\n`))[1] ?? '', /^235 2\.7\.0/)
  await server.reload({
    smtpd_sasl_security_options: 'noanonymous, noplaintext',
    smtpd_sasl_tls_security_options: 'noanonymous',
  })
  assert.doesNotMatch((await talk('EHLO c.test\r\n'))[0] ?? '', /AUTH/)
  const tls = connectTls({ port: server.ports.submissions, host: '127.0.0.1', rejectUnauthorized: false })
  const wire = new Wire(tls)
  await wire.hears(/^220 .*\r\n/)
  wire.send('EHLO c.test\r\n')
  await wire.hears(/250 [^\r]*\r\n$/)
  assert.match(wire.heard, /250-AUTH PLAIN LOGIN/)
  wire.close()
})

test('smtpd_sasl_mechanism_filter: what EHLO names; the others are taken all the same', async (t) => {
  const { server, talk } = await site(t, {
    smtpd_sasl_auth_enable: 'yes',
    smtpd_sasl_mechanism_filter: '!Plain, static:rest',
  })
  const token = Buffer.from(`\0${alice.address}\0${alice.password}`).toString('base64')
  const [hello = '', login = ''] = await talk('EHLO c.test\r\n', `AUTH PLAIN ${token}\r\n`)
  assert.match(hello, /^250-AUTH LOGIN\r$/m)
  assert.match(login, /^235 2\.7\.0/)
  const named = async () => /^250-AUTH (.*)\r$/m.exec((await talk('EHLO c.test\r\n'))[0] ?? '')?.[1]
  await server.reload({ smtpd_sasl_mechanism_filter: 'plain' })
  assert.equal(await named(), 'PLAIN')
  await server.reload({ smtpd_sasl_mechanism_filter: 'inline:{login=x}' })
  assert.equal(await named(), 'LOGIN')
  await server.reload({ smtpd_sasl_mechanism_filter: 'scram-sha-256' })
  assert.equal(await named(), undefined)
  await server.reload({ smtpd_sasl_mechanism_filter: '' })
  assert.equal(await named(), 'PLAIN LOGIN')
})

test('smtpd_sasl_response_limit: a longer answer to a challenge is refused, one as long is taken', async (t) => {
  const { server, talk } = await site(t, { smtpd_sasl_auth_enable: 'yes' })
  const answered = async (octets: number) =>
    (await talk('EHLO c.test\r\n', 'AUTH LOGIN\r\n', `${'YWFh'.repeat(octets / 4)}\r\n`)).at(-1)
  const begun = async (octets: number) =>
    (await talk('EHLO c.test\r\n', `AUTH LOGIN ${'YWFh'.repeat(octets / 4)}\r\n`)).at(-1)
  const password = `334 ${Buffer.from('Password:').toString('base64')}`
  const tooLong = '500 5.5.2 Error: line too long'
  assert.equal(await answered(12_288), password)
  assert.equal(await answered(12_292), tooLong)
  assert.equal(await begun(12_292), tooLong)
  await server.reload({ smtpd_sasl_response_limit: '16384' })
  assert.equal(await answered(16_384), password)
  assert.equal(await answered(16_388), tooLong)
  assert.equal(await begun(12_292), password)
  await assert.rejects(server.reload({ smtpd_sasl_response_limit: '12287' }), /smtpd_sasl_response_limit/)
})

test('smtpd_tls_protocols, smtpd_tls_loglevel, smtpd_tls_received_header, ssl_min_protocol', async (t) => {
  const { server, lines } = await site(t, {
    smtpd_tls_protocols: '>=TLSv1.3',
    smtpd_tls_loglevel: '1',
    smtpd_tls_received_header: 'no',
    ssl_min_protocol: 'TLSv1.3',
  })
  const handshake = async (port: number, maxVersion: 'TLSv1.2' | 'TLSv1.3'): Promise<string> =>
    await new Promise((resolve) => {
      const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, maxVersion }, () => {
        resolve(socket.getProtocol() ?? '')
        socket.destroy()
      })
      socket.on('error', () => resolve('refused'))
    })
  for (const port of [server.ports.submissions, server.ports.imaps, server.ports.pop3s]) {
    assert.equal(await handshake(port, 'TLSv1.2'), 'refused')
    assert.equal(await handshake(port, 'TLSv1.3'), 'TLSv1.3')
  }
  const wire = new Wire(
    connectTls({ port: server.ports.submissions, host: '127.0.0.1', rejectUnauthorized: false }),
  )
  await wire.hears(/^220 .*\r\n/)
  const token = Buffer.from(`\0${alice.address}\0${alice.password}`).toString('base64')
  wire.send('EHLO c.test\r\n')
  await wire.hears(/250 [^\r]*\r\n$/)
  wire.send(`AUTH PLAIN ${token}\r\n`)
  await wire.hears(/235 [^\r]*\r\n$/)
  wire.send(`MAIL FROM:<${alice.address}>\r\nRCPT TO:<${bob.address}>\r\nDATA\r\n`)
  await wire.hears(/354 [^\r]*\r\n$/)
  wire.send('Subject: tls\r\n\r\nx\r\n.\r\n')
  await wire.hears(/250 2\.0\.0 Ok: queued[^\r]*\r\n$/)
  wire.close()
  assert.ok(
    lines().some((line) =>
      /^Anonymous TLS connection established from localhost\[127\.0\.0\.1\]: TLSv1\.3 with cipher TLS_AES_256_GCM_SHA384 \(256\/256 bits\)$/.test(
        line,
      ),
    ),
    lines().join('\n'),
  )
  const [message] = await readMailbox(server.ports.imap, bob)
  const text = message?.source.toString() ?? ''
  assert.match(text, /Received: from c\.test[\s\S]*by mail\.example\.org/)
  assert.doesNotMatch(text, /using TLS/)
})

test('unknown_virtual_alias_reject_code, unknown_relay_recipient_reject_code, show_user_unknown_table_name', async (t) => {
  const { talk } = await site(t, {
    virtual_alias_domains: 'virtual.test',
    relay_domains: 'relay.test',
    relay_recipient_maps: 'inline:{x@relay.test=x}',
    unknown_virtual_alias_reject_code: '450',
    unknown_relay_recipient_reject_code: '553',
    show_user_unknown_table_name: 'no',
  })
  const said = await talk(
    'EHLO c.test\r\n',
    'MAIL FROM:<a@b.test>\r\n',
    'RCPT TO:<n@virtual.test>\r\n',
    'RCPT TO:<n@relay.test>\r\n',
    'RCPT TO:<nobody@example.org>\r\n',
  )
  assert.deepEqual(said.slice(2), [
    '450 4.1.1 <n@virtual.test>: Recipient address rejected: User unknown',
    '553 5.1.1 <n@relay.test>: Recipient address rejected: User unknown',
    '550 5.1.1 <nobody@example.org>: Recipient address rejected: User unknown',
  ])
})

test('forward_path names the file; prepend_delivered_header; imap_logout_format', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'forward-path-'))
  t.after(() => rmSync(folder, { recursive: true }))
  chmodSync(folder, 0o755)
  for (const name of ['home', 'home/alice', 'forward']) mkdirSync(join(folder, name), { mode: 0o755 })
  writeFileSync(join(folder, 'forward', 'alice.fwd'), 'bob\n', { mode: 0o644 })
  writeFileSync(join(folder, 'home', 'alice', '.forward'), 'nobody-at-all\n', { mode: 0o644 })
  const { server, talk, lines } = await site(t, {
    home_directory: `${folder}/home/$user`,
    forward_path: `${folder}/forward/\${user}.fwd, $home/.forward`,
    imap_logout_format: 'input=%i output=%{output} 100%%',
  })
  const last = (await talk(...envelope, 'Subject: forwarded\r\n\r\nx\r\n.\r\n')).at(-1) ?? ''
  assert.match(last, /^250 2\.0\.0 Ok: queued/)
  assert.equal((await readMailbox(server.ports.imap, bob)).length, 1)
  assert.equal((await readMailbox(server.ports.imap, alice)).length, 0)
  assert.ok(
    lines().some((line) => /^Disconnected: Logged out input=\d+ output=\d+ 100%$/.test(line)),
    lines()
      .filter((line) => line.startsWith('Disconnected'))
      .join('\n'),
  )
})

test('smtpd_starttls_timeout: a client that never begins its handshake is sent away', async (t) => {
  const { server } = await site(t, { smtpd_starttls_timeout: '1s' })
  const wire = await Wire.open(server.ports.smtp)
  await wire.hears(/^220 .*\r\n/)
  wire.send('EHLO c.test\r\n')
  await wire.hears(/^250 [^\r]*\r\n$/m)
  const startedMs = performance.now()
  wire.send('STARTTLS\r\n')
  await wire.hears(/^220 2\.0\.0 Ready to start TLS\r\n$/m)
  await wire.untilClosed(30_000)
  assert.ok(performance.now() - startedMs >= 900)
})
