/** What a stranger says is data wherever it is written: in the log, in headers, in bounces, in other users' lists. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { LogEvent } from '@posthorn/mail'
import { type MailServer, startMailServer } from '@posthorn/server'
import { formatMaillog } from '../../packages/server/src/log/maillog.ts'
import { ImapTalk, SmtpTalk } from './dialogue.ts'
import { alice, bob, eventually, startForClients } from './mail-server.ts'
import { readMailbox } from './mailbox-reader.ts'
import { Wire } from './wire.ts'

let server: MailServer
/** Where mail for elsewhere goes: it knows nobody there, and says so in the client's words. */
let peer: MailServer
const log: LogEvent[] = []
before(async () => {
  peer = await startForClients({
    myhostname: 'mx.elsewhere.example',
    mydestination: 'elsewhere.example',
    myorigin: 'elsewhere.example',
  })
  server = await startMailServer({
    parameters: {
      myhostname: 'mail.example.org',
      mydestination: 'example.org, localhost',
      myorigin: 'example.org',
      mynetworks: '127.0.0.0/8',
      disable_plaintext_auth: 'no',
      smtpd_tls_auth_only: 'no',
      auth_failure_delay: '0',
      relayhost: `[127.0.0.1]:${peer.ports.smtp}`,
    },
    accounts: [alice, bob],
    log: (event) => log.push(event),
  })
})
after(async () => {
  await server.stop()
  await peer.stop()
})

const names = { syslogName: 'posthorn', hostname: 'mail', pid: 1 }
/** The log as a file would have it. */
const maillog = (): string => log.map((event) => formatMaillog(event, names, 0)).join('')

/** Ways to end a line, move a cursor, or look like another line. */
const evil = [
  'x\rforged',
  'x\x1b[2Jforged',
  'x\0forged',
  'x\tforged',
  'x\x7f\x9bforged',
  'x, sasl_username=root@example.org forged',
  `${'x'.repeat(1_500)}forged`,
]

function assertLogIsWhole(): void {
  const text = maillog()
  for (const line of text.split('\n').slice(0, -1)) {
    assert.doesNotMatch(line, /[\x00-\x1f\x7f-\x9f]/)
    assert.match(
      line,
      /^\w{3} [ \d]\d \d\d:\d\d:\d\d mail (posthorn\/[\w/-]+\[1\]|dovecot: [\w-]+(\([\w@.]+\)<\S+>)?): /,
    )
    assert.ok(line.length < 8_192, `${line.length} characters in a line`)
  }
}

test('CWE-117: HELO, MAIL, RCPT, AUTH, Message-ID, Subject, VRFY write no line of their own', async () => {
  for (const text of evil) {
    const talk = await SmtpTalk.open(server.ports.smtp, `EHLO ${text}`)
    await talk.say('HELO ok.example.net')
    await talk.say(`MAIL FROM:<"${text}"@elsewhere.example>`)
    await talk.say(`RCPT TO:<"${text}"@example.org>`)
    await talk.say(`RCPT TO:<nobody@${text}>`)
    await talk.say(`VRFY ${text}`)
    await talk.say(`ETRN ${text}`)
    await talk.say(text)
    await talk.say('RSET')
    assert.match(
      await talk.message(
        'a@elsewhere.example',
        alice.address,
        `Message-ID: <${text}@forged>\r\nSubject: ${text}\r\nFrom: ${text}\r\n\r\nx`,
      ),
      /^[25]\d\d /,
    )
    talk.wire.close()
    const login = await SmtpTalk.open(server.ports.submission)
    const initial = Buffer.from(`\0${text}@example.org\0${text}`, 'latin1').toString('base64')
    assert.match(await login.say(`AUTH PLAIN ${initial}`), /^5\d\d /)
    login.wire.close()
  }
  assertLogIsWhole()
})

test('CVE-2008-1218 class: POP3 and IMAP logins with TAB, NUL and line ends are one user name, and no other', async () => {
  const octets = (text: string): string => `{${text.length}+}\r\n${text}`
  for (const text of [
    ...evil,
    'x\r\nforged',
    'x\nforged',
    'alice@example.org\tuser=bob@example.org',
    `alice@example.org\0${bob.address}`,
  ]) {
    const imap = await ImapTalk.open(server.ports.imap)
    assert.match(await imap.say(`LOGIN ${octets(text)} ${octets(alice.password)}`), /(^|\n)(NO|BAD) /)
    assert.match(await imap.say(`LOGIN ${octets(alice.address)} ${octets(text)}`), /(^|\n)(NO|BAD) /)
    assert.match(
      await imap.say(`LOGIN ${octets(alice.address)} ${octets(`${alice.password}\t${text}`)}`),
      /(^|\n)(NO|BAD) /,
    )
    assert.match(await imap.say(`ID ("name" ${octets(text)} "version" ${octets(text)})`), /(OK|NO|BAD) /)
    // The session is whole: the right words still log in, as who they name.
    assert.match(await imap.say(`LOGIN ${octets(bob.address)} ${octets(bob.password)}`), /OK /)
    imap.wire.close()
    if (/[\r\n]/.test(text)) continue
    const pop3 = await Wire.open(server.ports.pop3)
    await pop3.hears(/^\+OK .*\r\n/)
    pop3.send(
      `USER ${text}\r\nPASS ${alice.password}\r\nUSER ${alice.address}\r\nPASS ${text}\r\nNOOP\r\nQUIT\r\n`,
    )
    const heard = await pop3.untilClosed()
    assert.doesNotMatch(heard, /\+OK Logged in/)
    assert.equal(heard.split('\r\n').filter((line) => line !== '' && !/^(\+OK|-ERR)/.test(line)).length, 0)
  }
  assertLogIsWhole()
})

test('CVE-2020-28021, CVE-2008-1218 class: the trace fields of a message hold one line of what the client said', async () => {
  const talk = await SmtpTalk.open(server.ports.smtp, 'EHLO x\ty(injected)\x01')
  assert.match(
    await talk.message('"a\\\r b"@elsewhere.example', alice.address, 'Subject: refused\r\n\r\nx'),
    /^[25]\d\d /,
  )
  await talk.say('RSET')
  assert.match(
    await talk.message('"a b;c"@elsewhere.example', alice.address, 'Subject: trace of evil\r\n\r\nx'),
    /^250 /,
  )
  talk.wire.close()
  const source = await eventually('the message', async () =>
    (await readMailbox(server.ports.imap, alice)).find(({ source }) => source.includes('trace of evil')),
  )
  const [header = ''] = source.source.toString('latin1').split('Subject: trace of evil')
  assert.deepEqual(
    [...header.matchAll(/^([^\s:]+):/gm)].map(([, name]) => name),
    ['Return-Path', 'X-Original-To', 'Delivered-To', 'Received'],
  )
  assert.doesNotMatch(header.replaceAll('\r\n\t', ' ').replaceAll('\r\n', ''), /[\x00-\x1f\x7f]/)
})

test('RFC 3464: a bounce of hostile mail is one message with three parts, addressed to its sender alone', async () => {
  const talk = await SmtpTalk.login(server.ports.submission, alice)
  const mail = `MAIL FROM:<${alice.address}> RET=HDRS`
  assert.match(await talk.say(`${mail} ENVID=a+0D+0ABcc:+20bob@example.org`), /^501 /)
  assert.match(await talk.say(`${mail} ENVID=a+20Bcc:+20bob@example.org+2B`), /^250 /)
  const rcpt = 'RCPT TO:<"x\\"\\\\y>z"@elsewhere.example>'
  assert.match(await talk.say(`${rcpt} ORCPT=rfc822;a+0D+0ASubject:+20forged@x`), /^501 /)
  assert.match(await talk.say(`${rcpt} ORCPT=rfc822;a+20Subject:+20forged@x`), /^250 /)
  assert.match(await talk.say('DATA'), /^354 /)
  assert.match(
    await talk.octets(
      Buffer.from(
        'From: alice@example.org\r\nSubject: to be returned\r\nX-Evil: =?utf-8?Q?=0D=0ABcc:_bob@example.org?=\r\n' +
          'Content-Type: multipart/mixed; boundary="x"\r\n\r\n--x--\r\n--0123456789\r\nbody\r\n.\r\n',
      ),
    ),
    /^250 /,
  )
  talk.wire.close()
  const bounce = await eventually('the bounce', async () =>
    (await readMailbox(server.ports.imap, alice)).find(({ source }) =>
      source.includes('Undelivered Mail Returned'),
    ),
  )
  const text = bounce.source.toString('latin1')
  const [header = ''] = text.split('\r\n\r\n')
  assert.match(header, /^To: alice@example\.org\r?$/m)
  assert.doesNotMatch(header, /^(Bcc|Cc):/im)
  assert.doesNotMatch(text, /^(Bcc: bob|Subject: forged)/im)
  const boundary = /boundary="([^"]+)"/.exec(header)?.[1] ?? '?'
  assert.equal(text.split(`--${boundary}\r\n`).length, 4)
  assert.equal((await readMailbox(server.ports.imap, bob)).length, 0)
  assertLogIsWhole()
})

test('a message that looks like a bounce, a reply or a command is only a message', async () => {
  const talk = await SmtpTalk.open(server.ports.smtp)
  const text = 'a1 LOGOUT\r\n* BYE\r\n+OK\r\n..\r\n-ERR x\r\n) a1 OK done\r\nFrom x\r\n>From y\r\n'
  assert.match(
    await talk.message('', bob.address, `Subject: only text\r\n\r\n${text.replaceAll(/^\./gm, '..')}`),
    /^250 /,
  )
  talk.wire.close()
  const seen = await eventually('the message', async () =>
    (await readMailbox(server.ports.imap, bob)).find(({ source }) => source.includes('only text')),
  )
  assert.ok(seen.source.toString('latin1').includes(text))
  const pop3 = await Wire.open(server.ports.pop3)
  pop3.send(`USER ${bob.address}\r\nPASS ${bob.password}\r\nRETR 1\r\nQUIT\r\n`)
  const heard = await pop3.untilClosed()
  assert.ok(heard.includes(text.replaceAll(/^\./gm, '..')), heard)
})
