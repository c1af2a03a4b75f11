/** CVE-2005-0337 class: no spelling of a recipient makes us a relay for a stranger. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { MailServer } from '@posthorn/server'
import { SmtpTalk } from './dialogue.ts'
import { alice, bob, startForClients } from './mail-server.ts'

let server: MailServer
before(async () => {
  // The client of these tests is a stranger: mynetworks is elsewhere.
  server = await startForClients({
    smtpd_sasl_auth_enable: 'yes',
    smtpd_hard_error_limit: '1000',
    smtpd_soft_error_limit: '1000',
  })
})
after(async () => await server.stop())

const latin1 = (text: string): string => Buffer.from(text).toString('latin1')

/** Ways to write somebody@elsewhere.example, as open-relay testers try them. */
const tricks: readonly (readonly [name: string, argument: string])[] = [
  ['plain', '<somebody@elsewhere.example>'],
  ['without brackets', 'somebody@elsewhere.example'],
  ['mixed case', '<SomeBody@ELSEWHERE.Example>'],
  ['trailing dot', '<somebody@elsewhere.example.>'],
  ['percent', '<somebody%elsewhere.example@example.org>'],
  ['percent twice', '<somebody%elsewhere.example%example.org@example.org>'],
  ['percent without a domain', '<somebody%elsewhere.example>'],
  ['percent at our address', '<somebody%elsewhere.example@[127.0.0.1]>'],
  ['percent at localhost', '<somebody%elsewhere.example@localhost>'],
  ['quoted percent', '<"somebody%elsewhere.example"@example.org>'],
  ['bang', '<elsewhere.example!somebody@example.org>'],
  ['bang without a domain', '<elsewhere.example!somebody>'],
  ['bang behind percent', '<elsewhere.example!somebody%example.org@example.org>'],
  ['source route through us', '<@example.org:somebody@elsewhere.example>'],
  ['source route of two', '<@mail.example.org,@example.org:somebody@elsewhere.example>'],
  ['source route and percent', '<@example.org:somebody%elsewhere.example@example.org>'],
  ['source route without an end', '<@example.org,@elsewhere.example>'],
  ['quoted @', '<"somebody@elsewhere.example"@example.org>'],
  ['quoted @ without a domain', '<"somebody@elsewhere.example">'],
  ['quoted piece', '<"somebody"@elsewhere.example>'],
  ['backslash @', '<somebody\\@elsewhere.example@example.org>'],
  ['doubled @', '<somebody@elsewhere.example@example.org>'],
  ['doubled @, ours first', '<somebody@example.org@elsewhere.example>'],
  ['null local part', '<@elsewhere.example>'],
  ['empty quoted local part', '<""@elsewhere.example>'],
  ['address literal', '<somebody@[192.0.2.77]>'],
  ['IPv6 address literal', '<somebody@[IPv6:2001:db8::1]>'],
  ['address without brackets', '<somebody@192.0.2.77>'],
  ['number as domain', '<somebody@3221226061>'],
  ['UTF-8 domain', latin1('<somebody@bücher.example>')],
  ['A-label', '<somebody@xn--bcher-kva.example>'],
  ['fullwidth @', latin1('<somebody＠elsewhere.example>')],
  ['fullwidth dot', latin1('<somebody@elsewhere。example>')],
  ['two paths', '<alice@example.org><somebody@elsewhere.example>'],
  ['a list', '<alice@example.org,somebody@elsewhere.example>'],
  ['a blank in the domain', '<somebody@elsewhere.example example.org>'],
  ['a comment', '<somebody@elsewhere.example(example.org)>'],
  ['NUL in the domain', '<somebody@elsewhere.example\0@example.org>'],
  ['a parameter in the path', '<alice@example.org> NOTIFY=NEVER <somebody@elsewhere.example>'],
  ['a name before the path', 'example.org <somebody@elsewhere.example>'],
  ['our domain as a subdomain', '<somebody@example.org.elsewhere.example>'],
  ['our domain as an ending', '<somebody@elsewhereexample.org>'],
  ['a subdomain of ours', '<somebody@elsewhere.example.org>'],
]

const open: readonly (readonly [name: string, argument: string])[] = [
  ['plain', '<alice@example.org>'],
  ['mixed case', '<ALICE@Example.ORG>'],
  ['source route (RFC 5321 §3.3: ignored)', '<@elsewhere.example:alice@example.org>'],
  ['quoted without need', '<"alice"@example.org>'],
  ['extension', '<alice+news@example.org>'],
]

for (const [protocol, extra] of [
  ['a stranger', ''],
  ['a stranger with SMTPUTF8', ' SMTPUTF8'],
] as const) {
  for (const sender of ['<evil@elsewhere.example>', '<>', '<alice@example.org>', '<evil@localhost>']) {
    test(`${protocol}, MAIL FROM:${sender}: no trick relays, our own users are reached`, async () => {
      const talk = await SmtpTalk.open(server.ports.smtp)
      assert.match(await talk.say(`MAIL FROM:${sender}${extra}`), /^250 /)
      for (const [name, argument] of tricks)
        assert.match(await talk.say(`RCPT TO:${argument}`), /^[45]\d\d /, name)
      assert.match(await talk.say('DATA'), /^[45]\d\d /)
      for (const [name, argument] of open) assert.match(await talk.say(`RCPT TO:${argument}`), /^250 /, name)
      talk.wire.close()
    })
  }
}

test('who has logged in may relay; routes hidden in our addresses mean what they mean to Postfix', async () => {
  for (const port of [server.ports.smtp, server.ports.submission]) {
    const talk = await SmtpTalk.login(port, alice)
    assert.match(await talk.say('MAIL FROM:<alice@example.org> SMTPUTF8'), /^250 /)
    for (const argument of [
      '<somebody@elsewhere.example>',
      latin1('<somebody@bücher.example>'),
      '<somebody@[192.0.2.77]>',
      '<somebody%elsewhere.example@example.org>',
      '<elsewhere.example!somebody@example.org>',
      '<"somebody@elsewhere.example"@example.org>',
      '<somebody@elsewhere.example@example.org>',
      '<somebody@example.org@elsewhere.example>',
      '<bob%example.org@example.org>',
    ])
      assert.match(await talk.say(`RCPT TO:${argument}`), /^250 /, argument)
    for (const argument of ['<nobody%example.org@example.org>', '<somebody@elsewhere.example\0@example.org>'])
      assert.match(await talk.say(`RCPT TO:${argument}`), /^5\d\d /, argument)
    talk.wire.close()
  }
})

test('P13: submission without login takes no mail at all', async () => {
  const talk = await SmtpTalk.open(server.ports.submission)
  assert.match(await talk.say(`MAIL FROM:<${alice.address}>`), /^530 /)
  assert.match(await talk.say(`RCPT TO:<${bob.address}>`), /^5\d\d /)
  talk.wire.close()
})

test('XCLIENT and XFORWARD from a stranger change nothing', async () => {
  const talk = await SmtpTalk.open(server.ports.smtp)
  assert.match(await talk.say('XCLIENT ADDR=192.0.2.1 NAME=localhost LOGIN=alice'), /^5\d\d /)
  assert.match(await talk.say('XFORWARD ADDR=192.0.2.1'), /^5\d\d /)
  assert.match(await talk.say('MAIL FROM:<evil@elsewhere.example>'), /^250 /)
  assert.match(await talk.say('RCPT TO:<somebody@elsewhere.example>'), /^554 5\.7\.1 /)
  talk.wire.close()
})

test('a proxy that is not among haproxy_trusted_networks is sent away: its clients are not taken for it', async () => {
  const own = await startForClients({
    mynetworks: '127.0.0.0/8',
    smtpd_upstream_proxy_protocol: 'haproxy',
    haproxy_trusted_networks: '192.0.2.1',
  })
  try {
    const talk = await SmtpTalk.open(own.ports.smtp)
    assert.match(await talk.say('PROXY TCP4 198.51.100.9 10.0.0.1 1234 25'), /^221 /)
    await assert.rejects(talk.say('HELO stranger'))
  } finally {
    await own.stop()
  }
})
