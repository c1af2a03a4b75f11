/** Mailboxes of domains of their own, as the guides set them up. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { followGuide, messagesOf, otherServer, subjectsOf } from './guide.ts'
import { alice, eventually } from './mail-server.ts'

test('VIRTUAL_README: virtual mailbox domains: separate domains, no accounts of the system', async (t) => {
  const site = await followGuide(t, {
    mainCf: `myhostname = mail.example.org
mydestination = example.org
mynetworks = 192.0.2.0/24
virtual_mailbox_domains = example.com, example.net
virtual_mailbox_base = /var/mail/vhosts
virtual_mailbox_maps = hash:/etc/postfix/vmailbox
virtual_minimum_uid = 100
virtual_uid_maps = static:5000
virtual_gid_maps = static:5000
virtual_alias_maps = hash:/etc/postfix/virtual
`,
    files: {
      vmailbox: 'info@example.com    example.com/info\nsales@example.com   example.com/sales/\n',
      virtual:
        'postmaster@example.com alice@example.org\nall@example.com info@example.com, sales@example.com\n',
    },
  })
  const talk = await site.talk()
  await talk.say('MAIL FROM:<c@elsewhere.example>')
  assert.match(
    await talk.say('RCPT TO:<nobody@example.com>'),
    /^550 5\.1\.1 .*User unknown in virtual mailbox table/,
  )
  assert.match(
    await talk.say('RCPT TO:<info@example.net>'),
    /^550 5\.1\.1 .*User unknown in virtual mailbox table/,
  )
  assert.match(await talk.say('RCPT TO:<info@other.example>'), /^554 5\.7\.1 .*Relay access denied/)
  for (const to of ['INFO@example.com', 'all@example.com', 'postmaster@example.com'])
    assert.match(await talk.say(`RCPT TO:<${to}>`), /^250/)
  await talk.say('DATA')
  assert.match(await talk.say('Subject: virtual\r\n\r\nx\r\n.'), /^250/)
  assert.deepEqual(await subjectsOf(site, alice, 'virtual'), ['virtual'])
  for (const address of ['info@example.com', 'sales@example.com']) {
    assert.equal(await messagesOf(site, address), 1, address)
  }
})

test('virtual_transport = lmtp:unix:…, domains in a file: whom virtual_mailbox_maps names is sent there', async (t) => {
  const dovecot = await otherServer(t)
  const site = await followGuide(t, {
    mainCf: `myhostname = mail.example.org
mydestination = localhost
mynetworks = 192.0.2.0/24
virtual_transport = smtp:[127.0.0.1]:${dovecot.port}
virtual_mailbox_domains = /etc/postfix/virtual_mailbox_domains
virtual_mailbox_maps = texthash:/etc/postfix/vmaps
virtual_alias_maps = texthash:/etc/postfix/valias
`,
    files: {
      virtual_mailbox_domains: 'example.com\n',
      vmaps: 'a@example.com x\n',
      valias: 'sales@example.com a@example.com\n',
    },
  })
  const talk = await site.talk()
  await talk.say('MAIL FROM:<c@far.test>')
  assert.match(await talk.say('RCPT TO:<b@example.com>'), /^550 5\.1\.1 .*virtual mailbox table/)
  assert.match(await talk.say('RCPT TO:<sales@example.com>'), /^250/)
  await talk.say('DATA')
  assert.match(await talk.say('Subject: there\r\n\r\nx\r\n.'), /^250/)
  const [mail] = await eventually('mail there', async () =>
    dovecot.heard.length > 0 ? dovecot.heard : undefined,
  )
  assert.deepEqual(mail?.to, ['a@example.com'])
})

test('VIRTUAL_README: a catch-all in virtual_mailbox_maps: one mailbox takes what nobody else of the domain takes', async (t) => {
  const site = await followGuide(t, {
    mainCf: `myhostname = mail.example.org
mydestination = example.org
mynetworks = 192.0.2.0/24
virtual_mailbox_domains = example.com, example.net, other.example
virtual_mailbox_base = /var/mail/vhosts
virtual_mailbox_maps = hash:/etc/postfix/vmailbox
virtual_alias_maps = inline:{ sales@example.com=info@example.com }
virtual_minimum_uid = 100
virtual_uid_maps = static:5000
virtual_gid_maps = static:5000
`,
    files: {
      vmailbox: `info@example.com    example.com/info
# Comment out the entry below to implement a catch-all.
@example.com         example.com/catchall
@example.net         example.com/info
a@other.example      other.example/a
`,
    },
  })
  const talk = await site.talk()
  await talk.say('MAIL FROM:<c@elsewhere.example>')
  assert.match(await talk.say('RCPT TO:<b@other.example>'), /^550 5\.1\.1 .*virtual mailbox table/)
  for (const to of [
    'info@example.com',
    'any@example.com',
    'ANY+more@example.com',
    'sales@example.com',
    'x@example.net',
  ])
    assert.match(await talk.say(`RCPT TO:<${to}>`), /^250/, to)
  await talk.say('DATA')
  assert.match(await talk.say('Subject: virtual\r\n\r\nx\r\n.'), /^250/)
  assert.equal(await messagesOf(site, 'catchall@example.com'), 1)
  assert.equal(await messagesOf(site, 'info@example.com'), 1)
  assert.equal(await messagesOf(site, 'any@example.com'), 0)
})
