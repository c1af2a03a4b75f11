/** The lines that Postfix and Posthorn write about the same dialogues. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type MailServer, startMailServer } from '@posthorn/server'
import { parseMainCf } from '../../packages/server/src/config/main-cf.ts'
import { formatMaillog } from '../../packages/server/src/log/maillog.ts'
import { eventually } from '../clients/mail-server.ts'
import { Wire } from '../clients/wire.ts'
import { freePort } from '../free-port.ts'
import { masterCf, ownPlaces, postfixMissing, runPostfix, sbin } from './private-postfix.ts'

const mainCf = `
myhostname = mx.example.org
mydomain = example.org
myorigin = example.org
mydestination = example.org
mynetworks = 192.0.2.0/24
smtpd_peername_lookup = no
smtpd_tls_security_level = none
smtpd_relay_restrictions = permit_mynetworks, permit_auth_destination, reject_unauth_destination
smtpd_recipient_restrictions = reject_non_fqdn_sender, permit_inet_interfaces, permit
smtpd_helo_restrictions = check_helo_access inline:{evil.test=REJECT}
smtpd_sender_restrictions = check_sender_access texthash:FOLDER/senders, warn_if_reject reject_non_fqdn_sender
smtpd_data_restrictions = check_sender_access inline:{data@far.test=REJECT}
smtpd_end_of_data_restrictions = check_sender_access inline:{end@far.test=REJECT}
smtpd_timeout = 2s
smtpd_hard_error_limit = 4
smtpd_soft_error_limit = 3
smtpd_error_sleep_time = 0
message_size_limit = 60000
header_checks = regexp:FOLDER/header
alias_maps = hash:FOLDER/aliases
compatibility_level = 3.6
smtpd_forbidden_commands = CONNECT GET POST regexp:{{/^[^A-Z]/ Bogus}, {/^SSH/ Other}}
smtpd_client_port_logging = yes
smtpd_log_access_permit_actions = static:all
`
const files = {
  senders:
    'bad@far.test REJECT no\nwarn@far.test WARN hm\ninfo@far.test INFO known\nhold@far.test HOLD wait\ndiscard@far.test DISCARD away\nfine@far.test OK\nredir@far.test REDIRECT daemon@example.org\nbcc@far.test BCC daemon@example.org\nslot@far.test FILTER discard:\n',
  header:
    '/^Subject: discard/ DISCARD gone\n/^Subject: reject/ REJECT no\n/^Subject: warn/ WARN look\n/^Subject: hold/ HOLD held\n/^Subject: pre/ PREPEND X-P: 1\n/^Subject: rep/ REPLACE Subject: other\n/^Subject: info/ INFO noted\n/^X-Drop/ IGNORE\n',
  aliases: 'postmaster: daemon\nlost: no-such-user\n',
}

const hello = 'EHLO client.example.net'
const from = 'MAIL FROM:<a@far.test>'
const to = 'RCPT TO:<daemon@example.org>'
const message = (subject: string): string =>
  `From: a@far.test\r\nMessage-ID: <${subject.replaceAll(' ', '.')}@far.test>\r\nX-Drop: 1\r\nSubject: ${subject}\r\n\r\nx\r\n.`
const mail = (subject: string, sender = from): readonly string[] => [
  hello,
  sender,
  to,
  'DATA',
  message(subject),
  'QUIT',
]

/** `LOST`: the client goes; `SILENT`: it waits until it is sent away. */
const dialogues: Readonly<Record<string, readonly string[]>> = {
  'connect and quit': ['QUIT'],
  'commands in the order of smtpd(8)': [hello, 'NOOP', 'RSET', 'HELO x', 'QUIT'],
  'lost after CONNECT': ['LOST'],
  'lost after EHLO': [hello, 'LOST'],
  'lost after MAIL': [hello, from, 'LOST'],
  'lost after RCPT': [hello, from, to, 'LOST'],
  'lost after DATA': [hello, from, to, 'DATA', 'LOST'],
  'lost after an unknown command': [hello, 'FOO', 'LOST'],
  'a user who is not here': [hello, from, 'RCPT TO:<no-such-user@example.org>', 'QUIT'],
  'no relay': [hello, from, 'RCPT TO:<x@other.test>', 'QUIT'],
  'HELO refused': ['EHLO evil.test', from, to, 'QUIT'],
  'no HELO': [from, to, 'QUIT'],
  'a sender refused': [hello, 'MAIL FROM:<bad@far.test>', to, 'QUIT'],
  'illegal addresses': [hello, 'MAIL FROM:<a b>', from, 'RCPT TO:<>', 'QUIT'],
  'OK for a sender and a client': mail('nine', 'MAIL FROM:<fine@far.test>'),
  'WARN for a sender': mail('one', 'MAIL FROM:<warn@far.test>'),
  'INFO for a sender': mail('two', 'MAIL FROM:<info@far.test>'),
  'HOLD for a sender': mail('three', 'MAIL FROM:<hold@far.test>'),
  'DISCARD for a sender': mail('four', 'MAIL FROM:<discard@far.test>'),
  'REDIRECT for a sender': mail('ten', 'MAIL FROM:<redir@far.test>'),
  'REDIRECT of a user who is not here': [
    hello,
    'MAIL FROM:<redir@far.test>',
    'RCPT TO:<lost@example.org>',
    'DATA',
    message('eleven'),
    'QUIT',
  ],
  'BCC for a sender': mail('twelve', 'MAIL FROM:<bcc@far.test>'),
  'FILTER for a sender': mail('thirteen', 'MAIL FROM:<slot@far.test>'),
  warn_if_reject: [hello, 'MAIL FROM:<short@host>', to, 'QUIT'],
  'DATA refused': [hello, 'MAIL FROM:<data@far.test>', to, 'DATA', 'QUIT'],
  'the message after a refused DATA': [hello, 'MAIL FROM:<data@far.test>', to, 'DATA', 'From: a@far.test'],
  'header_checks: DISCARD': mail('discard me'),
  'header_checks: REJECT': mail('reject me'),
  'the end refused': mail('five', 'MAIL FROM:<end@far.test>'),
  'too large by SIZE': [hello, 'MAIL FROM:<a@far.test> SIZE=99999', 'QUIT'],
  'too many errors': [hello, 'FOO', 'FOO', 'FOO', 'FOO', 'FOO'],
  HTTP: ['GET / HTTP/1.0'],
  'a command that a table forbids': [hello, 'SSH-2.0-client'],
  'a command that begins with no letter': [hello, '#16 hello'],
  ETRN: [hello, 'ETRN other.test', 'QUIT'],
  'a message': mail('six'),
  'an alias to a user who is not here': [
    hello,
    'MAIL FROM:<daemon@example.org>',
    'RCPT TO:<lost@example.org>',
    'DATA',
    message('eight'),
    'QUIT',
  ],
  'a message with the null sender': mail('seven', 'MAIL FROM:<>'),
  'header_checks: WARN': mail('warn me'),
  'header_checks: HOLD': mail('hold me'),
  'header_checks: PREPEND': mail('pre me'),
  'header_checks: REPLACE': mail('rep me'),
  'header_checks: INFO': mail('info me'),
  'timeout after EHLO': [hello, 'SILENT'],
  'timeout after DATA': [hello, from, to, 'DATA', 'SILENT'],
}

/** What differs from run to run, or by what is delivered to. */
const normal = (line: string): string =>
  line
    .replace(/^\w+ +\d+ [\d:]+ \S+ postfix\/(\w+)\[\d+\]/, '$1')
    .replaceAll(/\b[0-9A-F]{8,16}\b/g, 'ID')
    .replaceAll(/\]:\d+/g, ']:PORT')
    .replace(/ delay=[\d.]+, delays=[\d./]+/, ' delay, delays')
    .replace(/ size=\d+/, ' size')
    .replace(/ \(\d+ bytes\)/, ' (bytes)')
    .replace(/delivered to (?:maildir|mailbox)/, 'delivered')

async function converse(port: number, lines: readonly string[]): Promise<void> {
  const wire = await Wire.open(port)
  await wire.hears(/^220 .*\r\n/, 30_000)
  for (const line of lines) {
    if (line === 'LOST' || wire.closed) break
    const heard = wire.heard.length
    if (line !== 'SILENT') wire.send(`${line}\r\n`)
    await eventually(`an answer to ${line}`, async () =>
      wire.closed || (line !== 'SILENT' && /(^|\r\n)\d{3} [^\r]*\r\n$/.test(wire.heard.slice(heard)))
        ? true
        : undefined,
    )
  }
  wire.close()
}

describe('the log of the same dialogues at Postfix and here', { skip: postfixMissing }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-log-'))
  const ours: string[] = []
  let server: MailServer
  let port = 0
  const theirs = (): readonly string[] => {
    const file = join(folder, 'maillog')
    return existsSync(file)
      ? readFileSync(file, 'utf8')
          .split('\n')
          .filter((line) => line !== '')
      : []
  }

  before(async () => {
    chmodSync(folder, 0o755)
    for (const name of ['postfix', 'queue', 'lib', 'spool']) mkdirSync(join(folder, name))
    chmodSync(join(folder, 'spool'), 0o1777)
    execFileSync('chown', ['postfix', join(folder, 'lib')])
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text, { mode: 0o644 })
    port = await freePort()
    const lines = mainCf.replaceAll('FOLDER', folder)
    const own = [...ownPlaces(folder), `mail_spool_directory = ${folder}/spool/`, 'in_flow_delay = 0']
    writeFileSync(join(folder, 'postfix', 'master.cf'), masterCf(port))
    writeFileSync(join(folder, 'postfix', 'main.cf'), `${own.join('\n')}${lines}`)
    execFileSync('postalias', ['-c', join(folder, 'postfix'), `hash:${folder}/aliases`], {
      env: { ...sbin },
      stdio: 'ignore',
    })
    runPostfix(folder, 'start')
    server = await startMailServer({
      parameters: {
        ...Object.fromEntries(parseMainCf(lines).entries.map(({ name, value }) => [name, value])),
        smtpd_greet_wait: '0',
      },
      accounts: [{ address: 'daemon@example.org', password: 'log-secret 1' }],
      log: (event) => {
        if (event.level !== 'debug')
          ours.push(
            formatMaillog(event, { syslogName: 'postfix', hostname: 'mail', pid: 42 }, Date.now()).trimEnd(),
          )
      },
    })
  })
  after(async () => {
    runPostfix(folder, 'stop')
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  for (const [name, lines] of Object.entries(dialogues))
    test(`L1, L2: ${name}`, async () => {
      const begin = { ours: ours.length, theirs: theirs().length }
      await Promise.all([converse(port, lines), converse(server.ports.smtp, lines)])
      const said = () => ({
        ours: ours.slice(begin.ours).map(normal).toSorted(),
        theirs: theirs().slice(begin.theirs).map(normal).toSorted(),
      })
      const both = await eventually(
        'the same lines',
        async () => {
          const now = said()
          const over = now.theirs.some((line) => line.includes('disconnect from'))
          return over && now.ours.join('\n') === now.theirs.join('\n') ? now : undefined
        },
        20_000,
      ).catch(() => said())
      assert.deepEqual(both.ours, both.theirs)
    })

  test('fail2ban: its filter for Postfix finds the same failures in both logs', {
    skip: !existsSync('/etc/fail2ban/filter.d/postfix.conf') && 'no fail2ban on this machine',
  }, () => {
    const found = (name: string, lines: readonly string[]): number => {
      const file = join(folder, name)
      writeFileSync(file, `${lines.join('\n')}\n`)
      const filter = '/etc/fail2ban/filter.d/postfix.conf[mode=aggressive]'
      const { stdout } = spawnSync('fail2ban-regex', [file, filter], { encoding: 'utf8' })
      return Number(/Failregex: (\d+) total/.exec(stdout)?.[1] ?? -1)
    }
    const own = found('ours.log', ours)
    assert.ok(own > 5, String(own))
    assert.equal(own, found('theirs.log', theirs()))
  })
})
