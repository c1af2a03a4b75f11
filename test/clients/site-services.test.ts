/** Which services a site offers, and their first words. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ImapTalk, SmtpTalk } from './dialogue.ts'
import { alice } from './mail-server.ts'
import { closing, site } from './site.ts'
import { Wire } from './wire.ts'

test('S2, S3, D9, D11, D12, N2: the first words of each service', async (t) => {
  const { server } = await site(t, () => ({ smtpd_sasl_auth_enable: 'yes', broken_sasl_auth_clients: 'yes' }))
  const smtp = await SmtpTalk.open(server.ports.smtp)
  closing(smtp)
  for (const word of [
    'PIPELINING',
    'SIZE 10240000',
    'VRFY',
    'ETRN',
    'STARTTLS',
    'AUTH PLAIN LOGIN',
    'AUTH=PLAIN LOGIN',
    'ENHANCEDSTATUSCODES',
    '8BITMIME',
    'DSN',
    'SMTPUTF8',
  ])
    assert.ok(
      smtp.wire.heard.includes(`250-${word}\r\n`) || smtp.wire.heard.includes(`250 ${word}\r\n`),
      word,
    )
  const pop3 = await Wire.open(server.ports.pop3)
  await pop3.hears(/^\+OK .* ready\.\r\n/)
  pop3.send(`user ${alice.address}\r\npass ${alice.password}\r\nstat\r\nlist\r\nquit\r\n`)
  const heard = await pop3.untilClosed()
  assert.match(heard, /\+OK Logged in\.\r\n\+OK 0 0\r\n\+OK 0 messages.*\r\n\.\r\n\+OK Logging out\.\r\n/)
  const imap = await ImapTalk.open(server.ports.imap)
  closing(imap)
  assert.match(imap.wire.heard, /^\* OK \[CAPABILITY IMAP4rev1 .*\] /)
})

test('D1, D6: a protocol that is not asked for and a port of 0 do not listen', async (t) => {
  const { server } = await site(t, () => ({ protocols: 'imap', imap_port: '0', submission_port: '0' }))
  const { pop3, pop3s, imap, submission, imaps, smtp } = server.ports
  assert.deepEqual([pop3, pop3s, imap, submission], [0, 0, 0, 0])
  assert.ok(imaps > 0 && smtp > 0)
})

test('D2, D3: ssl = required takes no password in the clear, not even from this machine', async (t) => {
  const { server } = await site(t, () => ({ ssl: 'required', smtpd_tls_auth_only: 'yes' }))
  const imap = await ImapTalk.open(server.ports.imap)
  closing(imap)
  assert.match(imap.wire.heard, /LOGINDISABLED/)
  assert.doesNotMatch(imap.wire.heard, /AUTH=/)
  assert.match(await imap.say(`LOGIN ${alice.address} "${alice.password}"`), /NO \[PRIVACYREQUIRED\]/)
  const pop3 = await Wire.open(server.ports.pop3)
  pop3.send(`USER ${alice.address}\r\nPASS ${alice.password}\r\nQUIT\r\n`)
  assert.doesNotMatch(await pop3.untilClosed(), /Logged in/)
  const smtp = await SmtpTalk.open(server.ports.submission)
  closing(smtp)
  assert.doesNotMatch(smtp.wire.heard, /AUTH/)
  assert.match(await smtp.say('AUTH PLAIN AGEAYg=='), /^5\d\d /)
})
