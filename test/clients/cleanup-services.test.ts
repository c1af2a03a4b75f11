/** Postfix: cleanup(8) with options of its own in master.cf, and those of smtpd(8) that know recipients. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { followGuide, subjectsOf } from './guide.ts'
import { alice, bob } from './mail-server.ts'

test('C2: cleanup_service_name: mail of one service has aliases, copies and rewriting of its own', async (t) => {
  const site = await followGuide(t, {
    mainCf: `myhostname = mail.example.org
mydestination = example.org
mynetworks = 127.0.0.0/8
virtual_alias_maps = inline:{ list@example.org=bob@example.org }
always_bcc = bob@example.org
`,
    masterCf: `smtp inet n - y - - smtpd
2525 inet n - y - - smtpd
  -o cleanup_service_name=subcleanup
cleanup unix n - y - 0 cleanup
subcleanup unix n - y - 0 cleanup
  -o virtual_alias_maps=inline:{list@example.org=alice@example.org}
  -o always_bcc=
  -o canonical_maps=inline:{old@example.org=alice@example.org}
`,
  })
  const first = await site.talk('smtp')
  assert.match(
    await first.message('c@far.test', 'list@example.org', 'Subject: by main.cf\r\n\r\nx\r\n'),
    /^250/,
  )
  assert.deepEqual(await subjectsOf(site, bob, 'by main.cf'), ['by main.cf'])
  const second = await site.talk('2525')
  const own = 'From: old@example.org\r\nSubject: by subcleanup\r\n\r\nx\r\n'
  assert.match(await second.message('old@example.org', 'list@example.org', own), /^250/)
  assert.deepEqual(await subjectsOf(site, alice, 'by subcleanup'), ['by subcleanup'])
  assert.deepEqual(await subjectsOf(site, bob, 'by main.cf'), ['by main.cf'], 'no copy')
  assert.ok(
    site.log.some((line) => /from=<alice@example\.org>/.test(line)),
    'the sender is rewritten',
  )
})

test('C2: -o virtual_alias_maps= and -o local_recipient_maps of smtpd: who is known, not where mail goes', async (t) => {
  const site = await followGuide(t, {
    mainCf: `myhostname = mail.example.org
mydestination = example.org
mynetworks = 127.0.0.0/8
virtual_alias_maps = inline:{ list@example.org=bob@example.org }
`,
    masterCf: `smtp inet n - y - - smtpd
2525 inet n - y - - smtpd
  -o virtual_alias_maps=
2526 inet n - y - - smtpd
  -o local_recipient_maps=
`,
  })
  const first = await site.talk('smtp')
  await first.say('MAIL FROM:<c@far.test>')
  assert.match(await first.say('RCPT TO:<list@example.org>'), /^250/)
  assert.match(await first.say('RCPT TO:<nobody@example.org>'), /^550/)
  const without = await site.talk('2525')
  await without.say('MAIL FROM:<c@far.test>')
  assert.match(await without.say('RCPT TO:<list@example.org>'), /^550 5\.1\.1/)
  assert.match(await without.say(`RCPT TO:<${alice.address}>`), /^250/)
  const any = await site.talk('2526')
  await any.say('MAIL FROM:<c@far.test>')
  assert.match(await any.say('RCPT TO:<nobody@example.org>'), /^250/)
  await any.say('RSET')
  assert.match(await any.message('c@far.test', 'list@example.org', 'Subject: still\r\n\r\nx\r\n'), /^250/)
  assert.deepEqual(await subjectsOf(site, bob, 'still'), ['still'])
})
