/** OAUTHBEARER and XOAUTH2 as clients speak them. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { ImapFlow } from 'imapflow'
import { createTransport } from 'nodemailer'
import { alice, bob } from './mail-server.ts'
import { readMailbox } from './mailbox-reader.ts'
import { type OauthSite, startOauthSite } from './oauth-site.ts'
import { inFolder, mustRun, runClient } from './run-client.ts'

let site: OauthSite
let ports: OauthSite['server']['ports']
before(async () => {
  site = await startOauthSite()
  ;({ ports } = site.server)
})
after(async () => await site.stop())

test('imapflow and nodemailer', async () => {
  const flow = (accessToken: string) =>
    new ImapFlow({
      host: '127.0.0.1',
      port: ports.imaps,
      secure: true,
      tls: { rejectUnauthorized: false },
      auth: { user: alice.address, accessToken },
      logger: false,
    })
  const imap = flow(site.good())
  await imap.connect()
  assert.equal((await imap.mailboxOpen('INBOX')).path, 'INBOX')
  await imap.logout()
  await assert.rejects(flow('bad').connect(), (error: { authenticationFailed?: boolean }) =>
    Boolean(error.authenticationFailed),
  )
  const transport = async (accessToken: string) =>
    await createTransport({
      host: '127.0.0.1',
      port: ports.submissions,
      secure: true,
      tls: { rejectUnauthorized: false },
      auth: { type: 'OAuth2', user: alice.address, accessToken },
    }).sendMail({ from: alice.address, to: bob.address, subject: 'by token', text: 'Hello' })
  assert.match((await transport(site.good())).response, /^250 /)
  await assert.rejects(transport('bad'), { code: 'EAUTH' })
})

test('curl: --oauth2-bearer for IMAP, POP3 and SMTP', async () => {
  const token = site.good()
  const run = (url: string, bearerToken: string, ...more: readonly string[]) =>
    runClient(
      'curl',
      ['-sS', '-k', '--ssl-reqd', '-u', `${alice.address}:`, '--oauth2-bearer', bearerToken, ...more, url],
      { input: `From: ${alice.address}\r\nTo: ${bob.address}\r\nSubject: by curl\r\n\r\nHello\r\n` },
    )
  const smtp = ['--mail-from', alice.address, '--mail-rcpt', bob.address, '-T', '-']
  for (const mechanism of ['OAUTHBEARER', 'XOAUTH2']) {
    const options = ['--login-options', `AUTH=${mechanism}`]
    for (const [url, ...more] of [
      [`imap://127.0.0.1:${ports.imap}/`],
      [`pop3://127.0.0.1:${ports.pop3}/`],
      [`smtp://127.0.0.1:${ports.submission}/`, ...smtp],
    ] as const) {
      const right = await run(url, token, ...options, ...more)
      assert.equal(right.code, 0, `${url} ${mechanism} ${right.stderr}`)
      // CURLE_LOGIN_DENIED
      assert.equal((await run(url, 'bad', ...options, ...more)).code, 67, `${url} ${mechanism}`)
    }
  }
})

test("Python's imaplib and smtplib, and poplib's lines", async () => {
  const script = `
import base64, imaplib, poplib, smtplib, ssl, sys
imap, pop3, smtp, user, token = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5]
context = ssl._create_unverified_context()
message = 'user=%s\\1auth=Bearer %s\\1\\1' % (user, token)
client = imaplib.IMAP4_SSL('127.0.0.1', imap, ssl_context=context)
try:
    print(client.authenticate('XOAUTH2', lambda challenge: message.encode() if not challenge else b'')[0])
    print(client.select()[0]); client.logout()
except imaplib.IMAP4.error as error: print('NO', error)
client = smtplib.SMTP_SSL('127.0.0.1', smtp, context=context)
client.ehlo()
try: print(client.auth('XOAUTH2', lambda challenge=None: message if not challenge else '')[0])
except smtplib.SMTPAuthenticationError as error: print(error.smtp_code)
client.quit()
client = poplib.POP3_SSL('127.0.0.1', pop3, context=context)
try:
    print(client._shortcmd('AUTH XOAUTH2 ' + base64.b64encode(message.encode()).decode())[:9])
    print(client.stat()[0] >= 0); client.quit()
except poplib.error_proto as error: print(error)
`
  const run = async (token: string) =>
    (
      await mustRun('python3', [
        '-c',
        script,
        ...[ports.imaps, ports.pop3s, ports.submissions].map(String),
        alice.address,
        token,
      ])
    ).stdout.split('\n')
  assert.deepEqual((await run(site.good())).slice(0, 5), ['OK', 'OK', '235', "b'+OK Logge'", 'True'])
  assert.deepEqual((await run('bad')).slice(0, 2), [
    'NO [AUTHENTICATIONFAILED] Authentication failed.',
    '535',
  ])
})

test('msmtp and mpop: auth oauthbearer and xoauth2', async () => {
  await inFolder(async (home) => {
    const write = (name: string, text: string): string => {
      writeFileSync(join(home, name), text, { mode: 0o600 })
      return join(home, name)
    }
    for (const method of ['oauthbearer', 'xoauth2']) {
      const token = site.good()
      const msmtp = (secret: string) =>
        runClient(
          'msmtp',
          [
            '-C',
            write(
              'msmtprc',
              `account default\nhost 127.0.0.1\nport ${ports.submissions}\nfrom ${alice.address}\nauth ${method}\nuser ${alice.address}\npasswordeval cat ${write('secret', secret)}\ntls on\ntls_starttls off\ntls_certcheck off\n`,
            ),
            bob.address,
          ],
          { input: `Subject: msmtp ${method}\r\nFrom: ${alice.address}\r\n\r\nHello\r\n` },
        )
      const sent = await msmtp(token)
      assert.equal(sent.code, 0, sent.stderr)
      assert.match((await msmtp('bad')).stderr, /authentication failed/)
      const mpop = await runClient(
        'mpop',
        [
          '-C',
          write(
            'mpoprc',
            `account default\nhost 127.0.0.1\nport ${ports.pop3s}\nauth ${method}\nuser ${alice.address}\npasswordeval cat ${write('token', token)}\ntls on\ntls_starttls off\ntls_certcheck off\nkeep on\ndelivery mbox ${home}/mbox\n`,
          ),
        ],
        { cwd: home },
      )
      assert.ok(mpop.code === 0, mpop.stderr + mpop.stdout)
    }
  })
  const found = await readMailbox(ports.imap, bob)
  assert.deepEqual(
    found.map(({ source }) => /^Subject: (msmtp .*?)\r?$/m.exec(String(source))?.[1]).filter(Boolean),
    ['msmtp oauthbearer', 'msmtp xoauth2'],
  )
})

/** Programs that show nothing of it: who has logged in, and how, in the words of the log. */
const logins = (from: number): readonly string[] =>
  site.events.slice(from).flatMap(({ text }) => /^Login: user=<(.*?)>, method=(\S+),/.exec(text)?.[2] ?? [])

test('mutt, neomutt and offlineimap', async () => {
  await inFolder(async (home) => {
    const write = (name: string, text: string): string => {
      writeFileSync(join(home, name), text, { mode: 0o600 })
      return join(home, name)
    }
    const token = write('token', site.good())
    const ca = write('server.pem', site.server.certificatePem)
    const bad = write('bad', 'bad')
    for (const program of ['mutt', 'neomutt']) {
      for (const mechanism of ['oauthbearer', 'xoauth2']) {
        const run = async (file: string): Promise<readonly string[]> => {
          const rc = write(
            'muttrc',
            `set imap_user=${alice.address}\nset imap_authenticators=${mechanism}\n` +
              `set imap_oauth_refresh_command="cat ${file}"\nunset ssl_verify_host\nset certificate_file=${ca}\n` +
              'set header_cache=""\nset sleep_time=0\npush "<quit>y"\n',
          )
          const from = site.events.length
          const command = `${program} -n -F ${rc} -f imaps://127.0.0.1:${ports.imaps}/INBOX`
          await runClient('script', ['-qec', command, '/dev/null'], {
            cwd: home,
            env: { TERM: 'vt100' },
            input: 'q',
            timeoutMs: 20_000,
          })
          return logins(from)
        }
        assert.deepEqual(await run(token), [mechanism.toUpperCase()], program)
        assert.deepEqual(await run(bad), [], program)
      }
    }
    const offline = async (file: string): Promise<readonly string[]> => {
      const rc = write(
        'offlineimaprc',
        `[general]\naccounts = a\nmetadata = ${home}/offline\n[Account a]\nlocalrepository = l\nremoterepository = r\n` +
          `[Repository l]\ntype = Maildir\nlocalfolders = ${home}/mail\n` +
          `[Repository r]\ntype = IMAP\nremotehost = localhost\nremoteport = ${ports.imaps}\nssl = yes\nsslcacertfile = ${ca}\n` +
          `remoteuser = ${alice.address}\nauth_mechanisms = XOAUTH2\noauth2_access_token_eval = open("${file}").read()\n`,
      )
      const from = site.events.length
      await runClient('offlineimap', ['-c', rc, '-o', '-u', 'basic'], { cwd: home, timeoutMs: 40_000 })
      return logins(from)
    }
    assert.deepEqual([...new Set(await offline(token))], ['XOAUTH2'])
    assert.deepEqual(await offline(bad), [])
  })
})
