import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { startMailServer } from '@posthorn/server'
import { startDaemon } from '../peers/daemon.ts'
import { ImapTalk, SmtpTalk } from './dialogue.ts'
import { eventually } from './mail-server.ts'
import { inFolder } from './run-client.ts'
import { Wire } from './wire.ts'

const site = {
  myhostname: 'mail.example.org',
  mydestination: 'example.org, localhost',
  myorigin: 'example.org',
  alias_maps: '',
  mynetworks: '192.0.2.0/24',
  disable_plaintext_auth: 'no',
  smtpd_tls_auth_only: 'no',
  auth_failure_delay: '0',
}

const message = (subject: string): string =>
  `From: bob@example.net\r\nSubject: ${subject}\r\nMessage-ID: <${subject}@example.net>\r\n\r\nHello.`

const smtpLogin = async (port: number, user: string, password: string): Promise<string> => {
  const talk = await SmtpTalk.open(port)
  const answer = await talk.say(`AUTH PLAIN ${Buffer.from(`\0${user}\0${password}`).toString('base64')}`)
  talk.wire.close()
  return answer.slice(0, 9)
}

const saslauthd = '/usr/sbin/saslauthd'
const missing =
  (process.getuid?.() !== 0 && 'not root: nobody can be added to the system') ||
  (!existsSync(saslauthd) && 'no saslauthd (Debian: sasl2-bin)')

/** A user of this machine for as long as the test runs. */
async function withSystemUser(
  hash: 'SHA512' | 'YESCRYPT',
  run: (name: string, password: string) => Promise<void>,
): Promise<void> {
  const [name, password] = [`ph${process.pid}`, 'Pass word:7']
  execFileSync('useradd', ['--create-home', '--shell', '/usr/sbin/nologin', name])
  try {
    execFileSync('chpasswd', ['-c', hash], { input: `${name}:${password}\n` })
    await run(name, password)
  } finally {
    execFileSync('userdel', ['--remove', '--force', name], { stdio: 'ignore' })
  }
}

describe('S8, D7: passwords of the system through a running saslauthd', { skip: missing }, () => {
  for (const [mechanism, hash] of [
    ['shadow', 'SHA512'],
    ['pam', 'YESCRYPT'],
  ] as const)
    test(`saslauthd -a ${mechanism}: SMTP, POP3 and IMAP; the mailbox is made at the first login`, async () => {
      await withSystemUser(hash, async (name, password) =>
        inFolder(async (folder) => {
          // In the foreground it ends its whole process group: it needs one of its own.
          const daemon = await startDaemon(
            'setsid',
            [saslauthd, '-a', mechanism, '-d', '-n', '2', '-m', folder],
            join(folder, 'mux'),
            join(folder, 'log'),
          )
          const server = await startMailServer({
            parameters: { ...site, passdb: `store saslauthd:${folder}/mux` },
            accounts: [{ address: 'alice@example.org', password: 'of the store' }],
          })
          try {
            const { ports } = server
            assert.equal(await smtpLogin(ports.submission, name, 'wrong'), '535 5.7.8')
            assert.equal(await smtpLogin(ports.submission, 'nosuchuser', password), '535 5.7.8')
            assert.equal(await server.store.accounts.find(`${name}@example.org`), undefined)
            assert.equal(await smtpLogin(ports.submission, name, password), '235 2.7.0')
            assert.equal(await smtpLogin(ports.submission, `${name}@example.org`, password), '235 2.7.0')
            // Another domain's user of that name is somebody else.
            assert.equal(await smtpLogin(ports.submission, `${name}@example.net`, password), '535 5.7.8')
            assert.equal(await smtpLogin(ports.submission, 'alice', 'of the store'), '235 2.7.0')

            const imap = await ImapTalk.login(ports.imap, { address: name, password })
            assert.match(await imap.say('LIST "" *'), /"?INBOX"?\r\n/)
            imap.wire.close()
            const pop3 = await Wire.open(ports.pop3)
            pop3.send(`USER ${name}\r\nPASS ${password}\r\nSTAT\r\n`)
            await pop3.hears(/\+OK 0 0\r\n/)
            pop3.close()
            const account = await server.store.accounts.find(`${name}@example.org`)
            assert.equal(account?.passwordHash, '', 'no password of the system is kept')
          } finally {
            await server.stop()
            await daemon.stop()
          }
        }),
      )
    })

  test('no saslauthd: try again later, users of the store are served', async () => {
    const server = await startMailServer({
      parameters: { ...site, passdb: 'saslauthd:/nonexistent/mux' },
      accounts: [{ address: 'alice@example.org', password: 'of the store' }],
    })
    try {
      assert.equal(await smtpLogin(server.ports.submission, 'nobody', 'x'), '454 4.7.0')
      assert.equal(await smtpLogin(server.ports.submission, 'alice', 'of the store'), '235 2.7.0')
    } finally {
      await server.stop()
    }
  })
})

describe('userdb and passwd-file', () => {
  test('D7: users of /etc/passwd get their mailbox at the first mail, daemons and strangers none', async () => {
    await inFolder(async (folder) => {
      const home = join(folder, 'carol')
      mkdirSync(home, { mode: 0o755 })
      const passwd = join(folder, 'passwd')
      writeFileSync(
        passwd,
        `root:x:0:0:root:/root:/bin/sh\nbin:x:2:2:bin:/bin:/bin/sh\ncarol:x:${1000}:1000:Carol,,,:${home}:/bin/sh\n` +
          'dave:x:1001:1001::/home/dave:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n',
      )
      writeFileSync(join(home, '.forward'), '\\carol, dave@example.org\n', { mode: 0o644 })
      const server = await startMailServer({
        parameters: { ...site, userdb: `passwd:${passwd}`, last_valid_uid: '60000' },
      })
      try {
        const talk = await SmtpTalk.open(server.ports.smtp)
        await talk.say('MAIL FROM:<bob@example.net>')
        for (const name of ['root', 'bin', 'nobody', 'erin'])
          assert.match(await talk.say(`RCPT TO:<${name}@example.org>`), /^550 5\.1\.1/, name)
        await talk.say('RSET')
        assert.match(await talk.message('bob@example.net', 'carol@example.org', message('first')), /^250 /)
        for (const name of ['carol', 'dave']) {
          const account = await eventually(`mail for ${name}`, async () => {
            const found = await server.store.accounts.find(`${name}@example.org`)
            const inbox = found && (await server.store.mailboxes.find(found.id, 'INBOX'))
            return inbox !== undefined && inbox.messages === 1 ? found : undefined
          })
          assert.equal(account.home, name === 'carol' ? home : '/home/dave')
        }
        // Nobody can log in with the `x` of passwd(5).
        assert.equal(await smtpLogin(server.ports.submission, 'carol', 'x'), '535 5.7.8')
      } finally {
        await server.stop()
      }
    })
  })

  test('passwd-file: schemes, changes seen at once, restrictions that are not obeyed let nobody in', async () => {
    await inFolder(async (folder) => {
      const users = join(folder, 'users')
      const hash = '$5$rounds=1000$xy$5qAPdR6KTFzSAhkHvXVAcWjyYwfwX2.bWs4IT0Ka.v4'
      const lines = readFileSync(
        new URL('../../packages/accounts/src/schemes/stored-password.test.ts', import.meta.url),
        'utf8',
      )
      const sha256 = /'(\$5\$rounds=1000\$xy\$[^']+)', 'a'/.exec(lines)?.[1] ?? hash
      writeFileSync(
        users,
        `# our users\ncarol:{PLAIN}first:::::::\nerin@example.com:${sha256}::::::\n` +
          'frank:{PLAIN}secret::::::nologin\ngrace:{PLAIN}secret::::::allow_nets=192.0.2.0/24\nheidi:!:::::::\n',
      )
      const server = await startMailServer({
        parameters: { ...site, passdb: `passwd-file:${users}`, userdb: `passwd-file:${users}` },
      })
      const login = async (user: string, password: string): Promise<string> =>
        (await smtpLogin(server.ports.submission, user, password)).slice(0, 3)
      try {
        assert.equal(await login('carol', 'first'), '235')
        assert.equal(await login('carol', 'second'), '535')
        assert.equal(await login('erin@example.com', 'a'), '235')
        assert.equal(await login('erin', 'a'), '535')
        for (const name of ['frank', 'grace', 'heidi']) assert.equal(await login(name, 'secret'), '535', name)
        writeFileSync(users, 'carol:{PLAIN}second:::::::\n')
        await eventually('the new password', async () =>
          (await login('carol', 'second')) === '235' ? true : undefined,
        )
        assert.equal(await login('carol', 'first'), '535')
        assert.equal(await login('erin@example.com', 'a'), '535')
        rmSync(users)
        assert.equal(await login('carol', 'second'), '235', 'what was read serves while the file is gone')
      } finally {
        await server.stop()
      }
    })
  })
})
