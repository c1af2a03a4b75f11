import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { MailServer } from '@posthorn/server'
import { createTransport } from 'nodemailer'
import { alice, bob, eventually, startForClients } from './mail-server.ts'
import { readMailbox } from './mailbox-reader.ts'
import { inFolder, mustRun, runClient } from './run-client.ts'

let server: MailServer
before(async () => {
  server = await startForClients()
})
after(async () => await server.stop())

const letter = (subject: string): string =>
  `From: ${alice.address}\r\nTo: ${bob.address}\r\nSubject: ${subject}\r\n\r\nHello.\r\n.leading dot\r\n..\r\nGrüße\r\n`

/** The message with this subject as bob finds it. */
async function arrived(subject: string): Promise<string> {
  return await eventually(`the message "${subject}"`, async () => {
    const messages = await readMailbox(server.ports.imap, bob)
    return messages
      .map((message) => message.source.toString())
      .find((text) => text.includes(`Subject: ${subject}`))
  })
}

const swaks = (port: number, ...more: string[]): string[] => [
  ...['--server', '127.0.0.1', '--port', String(port), '--from', alice.address, '--to', bob.address],
  ...['--helo', 'client.example.net', '--silent', '1', ...more],
]

const login = ['--auth-user', alice.address, '--auth-password', alice.password]

const ways: readonly [name: string, port: () => number, more: readonly string[]][] = [
  ['port 25 without login', () => server.ports.smtp, []],
  ['port 25 with STARTTLS', () => server.ports.smtp, ['--tls']],
  [
    'submission, STARTTLS and AUTH PLAIN',
    () => server.ports.submission,
    ['--tls', '--auth', 'PLAIN', ...login],
  ],
  [
    'submission, STARTTLS and AUTH LOGIN',
    () => server.ports.submission,
    ['--tls', '--auth', 'LOGIN', ...login],
  ],
  ['submission without TLS', () => server.ports.submission, ['--auth', 'PLAIN', ...login]],
  [
    'submissions, TLS from the start',
    () => server.ports.submissions,
    ['--tls-on-connect', '--auth', 'PLAIN', ...login],
  ],
]

for (const [name, port, more] of ways) {
  test(`swaks: ${name}`, async () => {
    const subject = `swaks ${name}`
    await mustRun('swaks', swaks(port(), '--data', letter(subject).replaceAll('\r\n', '\n'), ...more))
    const text = await arrived(subject)
    assert.match(text, /^Return-Path: <alice@example\.org>\r\n/)
    assert.match(text, /\r\nDelivered-To: bob@example\.org\r\n/)
    assert.match(text, /\r\n\r\nHello\.\r\n\.leading dot\r\n\.\.\r\nGrüße\r\n/)
  })
}

test('swaks: an outsider cannot relay, an unknown user is refused, a wrong password too', async () => {
  const relay = await runClient(
    'swaks',
    swaks(server.ports.smtp, '--to', 'someone@elsewhere.example', '--silent', '0'),
  )
  assert.equal(relay.code, 24)
  assert.match(relay.stdout, /554 5\.7\.1 <someone@elsewhere\.example>: Relay access denied/)
  const unknown = await runClient(
    'swaks',
    swaks(server.ports.smtp, '--to', 'nobody@example.org', '--silent', '0'),
  )
  assert.match(unknown.stdout, /550 5\.1\.1 <nobody@example\.org>: Recipient address rejected: User unknown/)
  const wrong = await runClient(
    'swaks',
    swaks(
      server.ports.submission,
      '--tls',
      '--auth',
      'PLAIN',
      '--auth-user',
      alice.address,
      '--auth-password',
      'no',
      '--silent',
      '0',
    ),
  )
  assert.equal(wrong.code, 28)
  assert.match(wrong.stdout, /535 5\.7\.8 /)
})

for (const [name, url, more] of [
  ['smtp', () => `smtp://127.0.0.1:${server.ports.smtp}/client.example.net`, []],
  [
    'smtps',
    () => `smtps://127.0.0.1:${server.ports.submissions}/client.example.net`,
    ['-k', '-u', `${alice.address}:${alice.password}`],
  ],
  [
    'STARTTLS',
    () => `smtp://127.0.0.1:${server.ports.submission}/client.example.net`,
    ['-k', '--ssl-reqd', '-u', `${alice.address}:${alice.password}`],
  ],
] as const) {
  test(`curl: ${name}`, async () => {
    const subject = `curl ${name}`
    await mustRun(
      'curl',
      ['-sS', ...more, url(), '--mail-from', alice.address, '--mail-rcpt', bob.address, '-T', '-'],
      { input: letter(subject) },
    )
    await arrived(subject)
  })
}

test('msmtp: submission with STARTTLS', async () => {
  await inFolder(async (folder) => {
    const config = `account default\nhost 127.0.0.1\nport ${server.ports.submission}\nfrom ${alice.address}
auth on\nuser ${alice.address}\npassword "${alice.password}"\ntls on\ntls_starttls on\ntls_certcheck off\n`
    writeFileSync(join(folder, 'msmtprc'), config, { mode: 0o600 })
    await mustRun('msmtp', ['-C', join(folder, 'msmtprc'), bob.address], {
      input: letter('msmtp').replaceAll('\r\n', '\n'),
      cwd: folder,
    })
    await arrived('msmtp')
  })
})

test('s-nail: submission with TLS from the start, and an attachment', async () => {
  await inFolder(async (folder) => {
    writeFileSync(join(folder, 'table.csv'), 'a;b\n1;2\n')
    const user = encodeURIComponent(alice.address)
    const password = encodeURIComponent(alice.password)
    await mustRun(
      's-nail',
      ['-n', '-s', 's-nail letter', '-a', join(folder, 'table.csv'), '-r', alice.address]
        .concat(['-S', 'v15-compat', '-S', 'tls-verify=ignore', '-S', 'smtp-auth=plain', '-S', 'sendwait'])
        .concat(['-S', `mta=smtps://${user}:${password}@127.0.0.1:${server.ports.submissions}`, bob.address]),
      { input: 'With an attachment.\n', cwd: folder },
    )
    assert.match(await arrived('s-nail letter'), /filename="?table\.csv/)
  })
})

test('Python smtplib: EHLO, STARTTLS, login, two messages on one connection, VRFY, NOOP, RSET', async () => {
  const script = `
import smtplib, ssl, sys
port, user, password, to = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
context = ssl.create_default_context(); context.check_hostname = False; context.verify_mode = ssl.CERT_NONE
s = smtplib.SMTP('127.0.0.1', port)
s.ehlo('client.example.net'); assert s.has_extn('starttls'), s.esmtp_features
s.starttls(context=context); s.ehlo('client.example.net'); s.login(user, password)
assert s.noop()[0] == 250 and s.rset()[0] == 250
assert s.verify(to)[0] == 252
for n in (1, 2):
    s.sendmail(user, [to], ('From: %s\\r\\nTo: %s\\r\\nSubject: smtplib %d\\r\\n\\r\\nHello\\r\\n' % (user, to, n)))
s.quit()
`
  await mustRun('python3', [
    '-c',
    script,
    String(server.ports.submission),
    alice.address,
    alice.password,
    bob.address,
  ])
  await arrived('smtplib 1')
  await arrived('smtplib 2')
})

test('nodemailer: 25 MB attachment comes back octet for octet', async () => {
  const large = await startForClients({ message_size_limit: '52428800' })
  try {
    const transport = createTransport({
      host: '127.0.0.1',
      port: large.ports.submissions,
      secure: true,
      tls: { rejectUnauthorized: false },
      auth: { user: alice.address, pass: alice.password },
    })
    const content = Buffer.alloc(25_000_000)
    for (let i = 0; i < content.length; i++) content[i] = (i * 2_654_435_761) >>> 24
    await transport.sendMail({
      from: alice.address,
      to: bob.address,
      subject: 'Größe – 大きい',
      text: 'see attachment',
      attachments: [{ filename: 'big.bin', content }],
    })
    transport.close()
    const [message] = await readMailbox(large.ports.imap, bob)
    assert.ok(message !== undefined)
    const encoded = /base64\r\n(?:[^\r\n]+\r\n)*\r\n([A-Za-z0-9+/=\r\n]+)\r\n--/.exec(
      message.source.toString('latin1'),
    )
    assert.ok(Buffer.from(encoded?.[1] ?? '', 'base64').equals(content))
  } finally {
    await large.stop()
  }
})

test('telnet: a session typed by hand, in lower case, with a bare address', async () => {
  const typed =
    'helo me\nmail from: alice@example.org\nrcpt to: bob@example.org\ndata\nSubject: typed by hand\n\nhi\n.\nquit\n'
  const ran = await mustRun(
    'bash',
    [
      '-c',
      `(while IFS= read -r line; do sleep 0.3; printf '%s\\n' "$line"; done; sleep 1) | telnet 127.0.0.1 ${server.ports.smtp}`,
    ],
    { input: typed },
    [0, 1],
  )
  assert.match(ran.stdout, /220 mail\.example\.org ESMTP/)
  assert.match(ran.stdout, /354 End data with <CR><LF>\.<CR><LF>/)
  assert.match(ran.stdout, /250 2\.0\.0 Ok: queued as [0-9A-F]+/)
  assert.match(ran.stdout, /221 2\.0\.0 Bye/)
  await arrived('typed by hand')
})
