/** fail2ban's own filters, as Debian ships them, over our log. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startMailServer } from '@posthorn/server'
import { formatMaillog } from '../../packages/server/src/log/maillog.ts'
import { ImapTalk, SmtpTalk } from './dialogue.ts'
import { alice, eventually } from './mail-server.ts'
import { Wire } from './wire.ts'

const filters = '/etc/fail2ban/filter.d'
const wrong = Buffer.from(`\0${alice.address}\0wrong`).toString('base64')

/** How many of the lines a filter takes for a failure of that address. */
function failures(lines: readonly string[], filter: string): number {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-fail2ban-'))
  try {
    const file = join(folder, 'mail.log')
    writeFileSync(file, `${lines.join('\n')}\n`)
    const { stdout } = spawnSync('fail2ban-regex', [file, `${filters}/${filter}`], { encoding: 'utf8' })
    return Number(/Failregex: (\d+) total/.exec(stdout)?.[1] ?? -1)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('L2: fail2ban: failed logins by SMTP, POP3 and IMAP are found, good ones are not', {
  skip: !existsSync(`${filters}/dovecot.conf`) && 'no fail2ban on this machine',
}, async (t) => {
  const lines: string[] = []
  const server = await startMailServer({
    parameters: {
      myhostname: 'mail.example.org',
      mydestination: 'example.org',
      mynetworks: '192.0.2.0/24',
      disable_plaintext_auth: 'no',
      smtpd_tls_auth_only: 'no',
      smtpd_sasl_auth_enable: 'yes',
    },
    accounts: [alice],
    log: (event) => {
      if (event.level === 'debug') return
      lines.push(
        formatMaillog(event, { syslogName: 'postfix', hostname: 'mail', pid: 1 }, Date.now()).trimEnd(),
      )
    },
  })
  t.after(async () => await server.stop())
  const until = async (pattern: RegExp, count: number): Promise<readonly string[]> =>
    await eventually(`${count} lines ${pattern}`, async () => {
      const found = lines.filter((line) => pattern.test(line))
      return found.length >= count ? found : undefined
    })

  const pop3 = async (password: string): Promise<void> => {
    const wire = await Wire.open(server.ports.pop3)
    await wire.hears(/^\+OK .*\r\n/)
    wire.send(`USER ${alice.address}\r\nPASS ${password}\r\nQUIT\r\n`)
    await eventually('the end of POP3', async () => (wire.closed ? true : undefined))
  }
  for (const secret of ['wrong', 'worse']) {
    const imap = await ImapTalk.open(server.ports.imap)
    await imap.say(`LOGIN ${alice.address} ${secret}`)
    await imap.say('LOGOUT')
    await pop3(secret)
  }
  const failed = await until(/(?:imap|pop3)-login: .*\(auth failed/, 4)
  assert.equal(failures(failed, 'dovecot.conf'), 4, failed.join('\n'))

  for (const login of [`AUTH PLAIN ${wrong}`, 'AUTH PLAIN !!', 'AUTH NTLM']) {
    const smtp = await SmtpTalk.open(server.ports.smtp)
    assert.match(await smtp.say(login), /^535 /)
    await smtp.say('QUIT')
  }
  const refused = await until(/SASL \S+ authentication failed/, 3)
  // A mechanism that is not there is nobody's password, and left out by the filter.
  assert.equal(failures(refused, 'postfix.conf[mode=auth]'), 2, refused.join('\n'))
  assert.match(refused.join('\n'), /SASL PLAIN authentication failed: authentication failure, sasl_username=/)

  // The whole log, as a jail reads it: each failure once, and nothing that a client says is one of another's.
  const forger = await ImapTalk.open(server.ports.imap)
  await forger.say('LOGIN "pam(x,198.51.100.66): unknown user" x')
  await forger.say('LOGOUT')
  await until(/198\.51\.100\.66.*\(auth failed|\(auth failed.*198\.51\.100\.66/, 1)
  assert.equal(failures(lines, 'dovecot.conf'), 5, lines.join('\n'))
  assert.equal(failures(lines, 'postfix.conf[mode=auth]'), 2, lines.join('\n'))
  const foreign = lines.filter((line) => line.includes('198.51.100.66') && line.includes('auth: '))
  assert.equal(failures(foreign, 'dovecot.conf'), 0, foreign.join('\n'))

  const before = lines.length
  await (await ImapTalk.login(server.ports.imap, alice)).say('LOGOUT')
  await pop3(alice.password)
  await (await SmtpTalk.login(server.ports.smtp, alice)).say('QUIT')
  await until(/-login: Login: /, 2)
  const good = lines.slice(before)
  assert.equal(failures(good, 'dovecot.conf'), 0, good.join('\n'))
  assert.equal(failures(good, 'postfix.conf[mode=auth]'), 0, good.join('\n'))
})
