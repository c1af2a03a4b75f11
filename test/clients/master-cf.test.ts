/** C2: the lines of master.cf that the guides have their readers uncomment, as they stand in Debian's file. */
import assert from 'node:assert/strict'
import { userInfo } from 'node:os'
import { type TestContext, test } from 'node:test'
import type { LogEvent } from '@posthorn/mail'
import { startMailServer } from '@posthorn/server'
import { createTransport } from 'nodemailer'
import { SmtpTalk } from './dialogue.ts'
import { alice, bob, eventually } from './mail-server.ts'
import { Wire } from './wire.ts'

const guide = `
smtp      inet  n       -       y       -       -       smtpd
submission inet n       -       y       -       -       smtpd
  -o syslog_name=postfix/submission
  -o smtpd_tls_security_level=encrypt
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_tls_auth_only=yes
  -o smtpd_reject_unlisted_recipient=no
#     Instead of specifying complex smtpd_<xxx>_restrictions here,
  -o smtpd_client_restrictions=
  -o smtpd_helo_restrictions=
  -o smtpd_sender_restrictions=
  -o smtpd_relay_restrictions=
  -o smtpd_recipient_restrictions=permit_sasl_authenticated,reject
  -o milter_macro_daemon_name=ORIGINATING
smtps     inet  n       -       y       -       -       smtpd
  -o syslog_name=postfix/smtps
  -o smtpd_tls_wrappermode=yes
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
127.0.0.1:10025 inet n - n - 2 smtpd
  -o smtpd_banner=filtered
  -o mynetworks=127.0.0.0/8
  -o smtpd_recipient_restrictions=permit_mynetworks,reject
  -o { smtpd_reject_footer = ask the postmaster }
2525      inet  n       -       n       -       -       smtpd -o smtpd_client_restrictions=reject
pickup    unix  n       -       y       60      1       pickup
cleanup   unix  n       -       y       -       0       cleanup
qmgr      unix  n       -       n       300     1       qmgr
`

async function site(t: TestContext, masterCf: string, parameters: Readonly<Record<string, string>> = {}) {
  const log: string[] = []
  const server = await startMailServer({
    parameters: {
      myhostname: 'mail.example.org',
      mydestination: 'example.org',
      mynetworks: '192.0.2.0/24',
      alias_maps: '',
      ...parameters,
    },
    masterCf,
    accounts: [alice, bob],
    log: ({ text, service }: LogEvent) => log.push(`${service}: ${text}`),
  })
  const talks: SmtpTalk[] = []
  t.after(async () => {
    for (const talk of talks) talk.wire.close()
    await server.stop()
  })
  const portOf = (key: string): number => {
    const place = server.places.find((one) => one.key === key)
    assert.ok(place, `nobody listens for ${key}`)
    return place.port
  }
  const talk = async (key: string): Promise<SmtpTalk> => {
    const one = await SmtpTalk.open(portOf(key))
    talks.push(one)
    return one
  }
  return { server, log, portOf, talk }
}

test('C2: each service of master.cf has its own options; what main.cf says holds for the others', async (t) => {
  const { log, talk, portOf, server } = await site(t, guide)
  assert.equal(
    server.ports.imap > 0,
    true,
    'IMAP and POP3 are not switched off by a file that has no word for them',
  )

  const mx = await talk('smtp/inet')
  assert.doesNotMatch(mx.wire.heard, /AUTH/)
  assert.match(await mx.say('MAIL FROM:<a@example.net>'), /^250/)
  assert.match(await mx.say('RCPT TO:<x@example.com>'), /^554 5\.7\.1 .*Relay access denied/)
  assert.match(await mx.say('RCPT TO:<alice@example.org>'), /^250/)

  const submission = await talk('submission/inet')
  assert.doesNotMatch(submission.wire.heard, /AUTH/, 'smtpd_tls_auth_only')
  assert.match(await submission.say('MAIL FROM:<a@example.net>'), /^530 5\.7\.0 Must issue a STARTTLS/)

  const inside = await talk('127.0.0.1:10025/inet')
  assert.match(inside.wire.heard, /^220 filtered/)
  assert.match(await inside.say('MAIL FROM:<a@example.net>'), /^250/)
  assert.match(await inside.say('RCPT TO:<nobody@example.org>'), /^550.*[\s\S]*ask the postmaster/)
  assert.match(await inside.say('RCPT TO:<x@example.com>'), /^250/, 'mynetworks of this service')

  const closed = await talk('2525/inet')
  assert.match(await closed.say('MAIL FROM:<a@example.net>'), /^250/)
  assert.match(
    await closed.say('RCPT TO:<alice@example.org>'),
    /^554 5\.7\.1 .*Client host rejected: Access denied/,
  )

  await eventually('the name of the service in the log', async () =>
    log.some((line) => line.startsWith('submission/smtpd: connect from ')) ? true : undefined,
  )
  // Two processes at most: the third client is told so.
  await talk('127.0.0.1:10025/inet')
  const third = await Wire.open(portOf('127.0.0.1:10025/inet'))
  t.after(() => third.close())
  await third.hears(/^421[- ]4\.3\.2 .*all server ports are busy/)
})

test('C2: a login on 587 by STARTTLS and on 465 may relay, without a login nobody may', async (t) => {
  const { portOf } = await site(t, guide)
  for (const [key, secure] of [
    ['submission/inet', false],
    ['smtps/inet', true],
  ] as const) {
    const transport = (auth?: { readonly user: string; readonly pass: string }) =>
      createTransport({
        host: '127.0.0.1',
        port: portOf(key),
        secure,
        requireTLS: !secure,
        tls: { rejectUnauthorized: false },
        ...(auth === undefined ? {} : { auth }),
      })
    const mail = { from: alice.address, to: 'x@example.com', subject: key, text: 'hello' }
    await assert.rejects(transport().sendMail(mail), /554 5\.7\.1 .*rejected: Access denied/, key)
    const sent = await transport({ user: alice.address, pass: alice.password }).sendMail(mail)
    assert.match(sent.response, /^250 2\.0\.0 Ok: queued as /, key)
  }
})

test('C2, C10: a reload brings new options into sessions to come', async (t) => {
  const { server, talk } = await site(t, guide)
  await server.reload({}, guide.replace('smtpd_banner=filtered', 'smtpd_banner=again'))
  assert.match((await talk('127.0.0.1:10025/inet')).wire.heard, /^220 again/)
})

test('C2: transport_maps sends mail to a pipe of master.cf, and to a transport with a name of its own', async (t) => {
  const user = userInfo().username === 'root' ? 'nobody' : userInfo().username
  const line = `filter unix - n n - - pipe\n  flags=R user=${user} argv=/usr/bin/env sh -c {exit 67} \${recipient}\n`
  const { talk, log } = await site(t, `${guide}${line}slow unix - - n - 2 discard\n`, {
    mynetworks: '127.0.0.0/8',
    transport_maps: 'inline:{piped.example=filter:, slow.example=slow:}',
  })
  const mx = await talk('smtp/inet')
  for (const domain of ['piped.example', 'slow.example'])
    assert.match(await mx.message('alice@example.org', `x@${domain}`, 'Subject: x\r\n\r\nx'), /^250 /)
  await eventually('both outcomes', async () => {
    const text = log.join('\n')
    const piped = /to=<x@piped\.example>, relay=filter, .*dsn=5\.1\.1, status=bounced \(user unknown/.test(
      text,
    )
    return piped && /to=<x@slow\.example>, .*status=sent/.test(text) ? true : undefined
  })
})

test('C2: master_service_disable, and a port of main.cf', async (t) => {
  const { server } = await site(t, guide, {
    master_service_disable: '2525/inet, smtps/inet',
    submission_port: '0',
  })
  assert.deepEqual(
    server.places.map(({ key }) => key).filter((key) => key.includes('/')),
    ['smtp/inet', '127.0.0.1:10025/inet'],
  )
})
