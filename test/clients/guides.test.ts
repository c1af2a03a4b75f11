/** Guides that everybody follows, word for word. */
import assert from 'node:assert/strict'
import { userInfo } from 'node:os'
import { test } from 'node:test'
import { zoneFileResolver } from '@posthorn/dns'
import { SmtpTalk } from './dialogue.ts'
import { followGuide, messagesOf, otherServer, subjectsOf } from './guide.ts'
import { alice, bob, eventually } from './mail-server.ts'
import { readMailbox } from './mailbox-reader.ts'

test('C1, I3, I7: the main.cf that Debian installs for an Internet site', async (t) => {
  const site = await followGuide(t, {
    mainCf: `# See /usr/share/postfix/main.cf.dist for a commented, more complete version

# Debian specific:  Specifying a file name will cause the first
# line of that file to be used as the name.  The Debian default
# is /etc/mailname.
#myorigin = /etc/mailname

smtpd_banner = $myhostname ESMTP $mail_name (Debian/GNU)
biff = no

# appending .domain is the MUA's job.
append_dot_mydomain = no

# Uncomment the next line to generate "delayed mail" warnings
#delay_warning_time = 4h

readme_directory = no

# See http://www.postfix.org/COMPATIBILITY_README.html -- default to 3.6 on
# fresh installs.
compatibility_level = 3.6

# TLS parameters
smtpd_tls_security_level=may

smtp_tls_CApath=/etc/ssl/certs
smtp_tls_security_level=may
smtp_tls_session_cache_database = btree:\${data_directory}/smtp_scache

smtpd_relay_restrictions = permit_mynetworks permit_sasl_authenticated defer_unauth_destination
myhostname = mail.example.org
alias_maps = hash:/etc/postfix/aliases
alias_database = hash:/etc/postfix/aliases
myorigin = /etc/postfix/mailname
mydestination = $myhostname, example.org, localhost.example.org, , localhost
relayhost =
mynetworks = 127.0.0.0/8 [::ffff:127.0.0.0]/104 [::1]/128
mailbox_size_limit = 0
recipient_delimiter = +
inet_interfaces = all
inet_protocols = all
`,
    files: { aliases: 'postmaster:    root\nroot: alice\n', mailname: 'example.org\n' },
  })
  const talk = await site.talk()
  assert.match(
    await talk.message('c@elsewhere.example', 'postmaster@localhost', 'Subject: to root\r\n\r\nx\r\n'),
    /^250/,
  )
  assert.deepEqual(await subjectsOf(site, alice, 'to root'), ['to root'])
  await talk.say('MAIL FROM:<c>')
  assert.match(await talk.say('RCPT TO:<x@elsewhere.example>'), /^250/, 'loopback may relay')
})

test('FILTER_README, amavis: content_filter on 10024, back on 10025, each thing done once', async (t) => {
  let back = 0
  const filter = await otherServer(t, async ({ from, to, text }) => {
    const talk = await SmtpTalk.open(back)
    await talk.say(`MAIL FROM:<${from}>`)
    for (const one of to) assert.match(await talk.say(`RCPT TO:<${one}>`), /^250/)
    await talk.say('DATA')
    assert.match(await talk.octets(Buffer.from(`X-Virus-Scanned: yes\r\n${text}\r\n.\r\n`, 'latin1')), /^250/)
    await talk.say('QUIT')
  })
  const site = await followGuide(t, {
    mainCf: `myhostname = mail.example.org
mydestination = example.org
mynetworks = 192.0.2.0/24
content_filter=smtp-amavis:[127.0.0.1]:${filter.port}
receive_override_options = no_address_mappings
virtual_alias_maps = inline:{ both@example.org=alice@example.org }
always_bcc = bob@example.org
header_checks = regexp:/etc/postfix/header_checks
`,
    files: { header_checks: '/^Subject: seen/ PREPEND X-Seen: once\n' },
    masterCf: `smtp      inet  n       -       y       -       -       smtpd
smtp-amavis     unix    -       -       -       -       2       smtp
        -o smtp_data_done_timeout=1200
        -o smtp_send_xforward_command=yes
        -o disable_dns_lookups=yes
        -o max_use=20

127.0.0.1:10025 inet    n       -       -       -       -       smtpd
        -o content_filter=
        -o local_recipient_maps=
        -o relay_recipient_maps=
        -o smtpd_restriction_classes=
        -o smtpd_delay_reject=no
        -o smtpd_client_restrictions=permit_mynetworks,reject
        -o smtpd_helo_restrictions=
        -o smtpd_sender_restrictions=
        -o smtpd_recipient_restrictions=permit_mynetworks,reject
        -o smtpd_data_restrictions=reject_unauth_pipelining
        -o smtpd_end_of_data_restrictions=
        -o mynetworks=127.0.0.0/8
        -o smtpd_error_sleep_time=0
        -o smtpd_soft_error_limit=1001
        -o smtpd_hard_error_limit=1000
        -o smtpd_client_connection_count_limit=0
        -o smtpd_client_connection_rate_limit=0
        -o receive_override_options=no_header_body_checks,no_unknown_recipient_checks,no_milters
        -o local_header_rewrite_clients=
        -o smtpd_authorized_xforward_hosts=127.0.0.0/8
pickup    unix  n       -       -       60      1       pickup
         -o content_filter=
         -o receive_override_options=no_header_body_checks
`,
  })
  back = site.portOf('127.0.0.1:10025')
  const talk = await site.talk('smtp')
  assert.match(await talk.message('c@far.test', 'both@example.org', 'Subject: seen\r\n\r\nx\r\n'), /^250/)
  assert.deepEqual(await subjectsOf(site, alice, 'seen'), ['seen'])
  assert.deepEqual(await subjectsOf(site, bob, 'seen'), ['seen'], 'one copy for always_bcc')
  assert.deepEqual(
    filter.heard.map(({ to }) => to),
    [['both@example.org']],
  )
  assert.equal(filter.heard[0]?.text.match(/X-Seen/g)?.length, 1)
  const direct = await SmtpTalk.open(back)
  await direct.say('MAIL FROM:<c@far.test>')
  assert.match(await direct.say('RCPT TO:<nobody@example.org>'), /^250/, 'no_unknown_recipient_checks')
  direct.wire.close()
})

test('receive_override_options = no_address_mappings where mail comes back: copies are made before the filter', async (t) => {
  const filter = await otherServer(t)
  const site = await followGuide(t, {
    mainCf: `myhostname = mail.example.org
mydestination = example.org
mynetworks = 127.0.0.0/8
content_filter=smtp:[127.0.0.1]:${filter.port}
always_bcc = bob@example.org
`,
    masterCf: `smtp inet n - y - - smtpd
127.0.0.1:10025 inet n - - - - smtpd
  -o content_filter=
  -o receive_override_options=no_address_mappings,no_header_body_checks,no_milters
`,
  })
  assert.match(
    await (await site.talk('smtp')).message(bob.address, alice.address, 'Subject: before\r\n\r\nx\r\n'),
    /^250/,
  )
  await eventually('the filter', async () => (filter.heard.length > 0 ? true : undefined))
  assert.deepEqual(filter.heard[0]?.to.toSorted(), [alice.address, bob.address])
  const back = await site.talk('127.0.0.1:10025')
  assert.match(await back.message(bob.address, alice.address, 'Subject: after\r\n\r\nx\r\n'), /^250/)
  assert.deepEqual(await subjectsOf(site, alice, 'after'), ['after'])
  assert.equal(await messagesOf(site, bob.address), 0)
})

test('privacy of submissions: header_checks of their own by cleanup_service_name', async (t) => {
  const site = await followGuide(t, {
    mainCf: `myhostname = mail.example.org
mydestination = example.org
mynetworks = 192.0.2.0/24
smtpd_sasl_auth_enable = yes
`,
    files: {
      submission_header_checks: `/^Received:/            IGNORE
/^X-Originating-IP:/    IGNORE
/^X-Mailer:/            IGNORE
/^User-Agent:/          IGNORE
`,
    },
    masterCf: `smtp      inet  n       -       y       -       -       smtpd
submission inet n       -       y       -       -       smtpd
  -o syslog_name=postfix/submission
  -o smtpd_tls_auth_only=no
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
  -o cleanup_service_name=subcleanup
cleanup   unix  n       -       y       -       0       cleanup
subcleanup unix n       -       -       -       0       cleanup
    -o header_checks=regexp:/etc/postfix/submission_header_checks
`,
  })
  const text = 'X-Mailer: mine\r\nUser-Agent: that\r\nSubject: SUBJECT\r\n\r\nx\r\n'
  const user = await SmtpTalk.login(site.portOf('submission'), alice)
  assert.match(await user.message(alice.address, bob.address, text.replace('SUBJECT', 'private')), /^250/)
  user.wire.close()
  const stranger = await site.talk('smtp')
  assert.match(await stranger.message('c@far.test', bob.address, text.replace('SUBJECT', 'open')), /^250/)
  await subjectsOf(site, bob, 'open')
  const all = (await readMailbox(site.server.ports.imap, bob)).map(({ source }) => source.toString('latin1'))
  const [hidden = '', open = ''] = ['private', 'open'].map((subject) =>
    all.find((one) => one.includes(`Subject: ${subject}`)),
  )
  assert.doesNotMatch(hidden, /X-Mailer|User-Agent|127\.0\.0\.1/)
  assert.match(open, /X-Mailer: mine\r\nUser-Agent: that/)
  assert.match(open, /Received: from client\.example\.net/)
})

test('I11, S5: strict_rfc821_envelopes, smtputf8_enable = no, proxy_interfaces, sleep', async (t) => {
  const site = await followGuide(t, {
    mainCf: `myhostname = mail.example.org
mydestination = example.org
mynetworks = 192.0.2.0/24
proxy_interfaces = 203.0.113.7
strict_rfc821_envelopes = yes
smtputf8_enable = no
smtpd_client_restrictions = permit_mynetworks, sleep 1, reject_unauth_pipelining
`,
  })
  const talk = await site.talk()
  assert.doesNotMatch(talk.wire.heard, /SMTPUTF8/)
  assert.match(await talk.say('MAIL FROM:c@far.test'), /^501 5\.1\.7 Bad sender address syntax/)
  assert.match(await talk.say('MAIL FROM:<c@far.test> SMTPUTF8'), /^555 5\.5\.4 Unsupported option: SMTPUTF8/)
  assert.match(await talk.say('MAIL FROM:<c@far.test>'), /^250/)
  assert.match(await talk.say('RCPT TO:alice@example.org'), /^501 5\.1\.3 Bad recipient address syntax/)
  const startMs = performance.now()
  assert.match(await talk.say('RCPT TO:<alice@[203.0.113.7]>'), /^250/)
  assert.ok(performance.now() - startMs > 900, 'sleep')
  assert.match(await talk.say('RCPT TO:<alice@[203.0.113.8]>'), /^554 5\.7\.1/)
})

test('SPF by policyd-spf: spawn in master.cf, check_policy_service unix:private/policyd-spf', async (t) => {
  const site = await followGuide(t, {
    mainCf: `myhostname = mail.example.org
mydestination = example.org
mynetworks = 192.0.2.0/24
policyd-spf_time_limit = 3600
smtpd_recipient_restrictions =
    permit_mynetworks,
    permit_sasl_authenticated,
    reject_unauth_destination,
    check_policy_service unix:private/policyd-spf
`,
    files: {
      'policyd-spf': `#!/bin/sh
while read -r line; do
  case $line in
    sender=forged@*) action='550 5.7.23 Message rejected due to: SPF fail' ;;
    '') printf 'action=%s\\n\\n' "\${action:-DUNNO}"; action= ;;
  esac
done
`,
    },
    masterCf: `smtp      inet  n       -       y       -       -       smtpd
policyd-spf  unix  -       n       n       -       0       spawn
    user=${process.getuid?.() === 0 ? 'nobody' : userInfo().username} argv=/bin/sh /etc/postfix/policyd-spf
`,
  })
  const talk = await site.talk('smtp')
  for (let round = 0; round < 2; round++) {
    await talk.say('MAIL FROM:<forged@far.test>')
    assert.match(await talk.say('RCPT TO:<alice@example.org>'), /^550 5\.7\.23 .*SPF fail/)
    await talk.say('RSET')
    await talk.say('MAIL FROM:<c@far.test>')
    assert.match(await talk.say('RCPT TO:<alice@example.org>'), /^250/)
    await talk.say('RSET')
  }
  assert.deepEqual(
    site.log.filter((line) => line.startsWith('spawn')),
    [],
  )
})

test('SpamAssassin: content_filter=spamassassin, a transport alone: the recipient’s domain is its destination', async (t) => {
  const user = process.getuid?.() === 0 ? 'nobody' : userInfo().username
  const site = await followGuide(t, {
    mainCf: 'mydestination = example.org\nmynetworks = 127.0.0.0/8\n',
    files: { spamfilter: '#!/bin/sh\ngrep -c Subject: && echo "$@"\n' },
    masterCf: `smtp      inet  n       -       -       -       -       smtpd
  -o content_filter=spamassassin
spamassassin unix -     n       n       -       -       pipe
  user=${user} argv=/bin/sh /etc/postfix/spamfilter \${nexthop} \${sender} \${recipient}
`,
  })
  const talk = await site.talk('smtp')
  assert.match(await talk.message('c@far.test', 'alice@example.org', 'Subject: x\r\n\r\nx\r\n'), /^250/)
  const line = await eventually('the filter', async () =>
    site.log.find((one) => one.startsWith('spamassassin:')),
  )
  assert.match(
    line,
    /status=sent \(delivered via spamassassin service \(1 example\.org c@far\.test alice@example\.org\)\)/,
  )
})

test('hardening: reject codes of 554, multi_recipient_bounce_reject_code among them', async (t) => {
  const site = await followGuide(t, {
    mainCf: `mydestination = example.org
mynetworks = 192.0.2.0/24
smtpd_helo_required = yes
non_fqdn_reject_code = 554
unknown_local_recipient_reject_code = 554
multi_recipient_bounce_reject_code = 554
smtpd_recipient_restrictions =
  reject_non_fqdn_recipient,
  reject_unauth_destination
smtpd_data_restrictions = reject_unauth_pipelining, reject_multi_recipient_bounce, permit
`,
  })
  const talk = await site.talk()
  await talk.say('MAIL FROM:<>')
  assert.match(await talk.say('RCPT TO:<alice>'), /^554 5\.5\.2 .*need fully-qualified address/)
  assert.match(await talk.say('RCPT TO:<nobody@example.org>'), /^554 5\.1\.1 /)
  await talk.say('RCPT TO:<alice@example.org>')
  await talk.say('RCPT TO:<bob@example.org>')
  assert.match(await talk.say('DATA'), /^554 5\.5\.3 <DATA>: Data command rejected: Multi-recipient bounce/)
})

test('use_srv_lookup: the submission server of a provider, found by its SRV records', async (t) => {
  const heard: string[] = []
  const provider = await otherServer(t, async ({ to }) => void heard.push(...to))
  const site = await followGuide(t, {
    mainCf: `myhostname = mail.example.org
mynetworks = 127.0.0.0/8
relayhost = example.net:submission
use_srv_lookup = submission
smtp_tls_security_level = none
`,
    options: {
      resolver: zoneFileResolver(`_submission._tcp.example.net. SRV 0 1 ${provider.port} smtp.example.net.
smtp.example.net. A 127.0.0.1
example.net. MX 0 nowhere.example.net.
`),
    },
  })
  const talk = await site.talk()
  assert.match(
    await talk.message('alice@example.org', 'x@far.example', 'Subject: by SRV\r\n\r\nx\r\n'),
    /^250/,
  )
  await eventually('the mail at the provider', async () =>
    heard.includes('x@far.example') ? true : undefined,
  )
})
