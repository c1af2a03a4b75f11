/** Restriction lists as sites order and nest them, at Postfix and here. */
import { elsewhere, from, hello, message, ours, sent, trusted } from './matrix-dialogue.ts'
import { matrixMissing, type Scenario } from './matrix-peers.ts'
import { testMatrix } from './matrix-test.ts'

const scenarios: readonly Scenario[] = [
  {
    name: 'P11: the guide: only managers may write to all-staff',
    mainCf: [
      'smtpd_restriction_classes = allow_to_all, local_sender_all',
      'allow_to_all = check_sender_access texthash:FOLDER/managers, reject',
      'local_sender_all = check_sender_access texthash:FOLDER/insiders, reject',
      'smtpd_recipient_restrictions = check_recipient_access texthash:FOLDER/lists, permit_mynetworks, reject_unauth_destination',
    ],
    files: {
      lists: 'all-staff@example.org allow_to_all\nlocal-news@example.org local_sender_all\n',
      managers: 'boss@example.org OK\nceo@ OK\n',
      insiders: 'example.org OK\n',
      aliases: 'postmaster: daemon\nall-staff: daemon, bin\nlocal-news: sys\n',
    },
    sessions: [
      [hello, 'MAIL FROM:<boss@example.org>', 'RCPT TO:<all-staff@example.org>'],
      [hello, 'MAIL FROM:<ceo@anywhere.example>', 'RCPT TO:<All-Staff@Example.ORG>'],
      [hello, 'MAIL FROM:<clerk@example.org>', 'RCPT TO:<all-staff@example.org>', ours],
      [hello, 'MAIL FROM:<clerk@example.org>', 'RCPT TO:<local-news@example.org>'],
      [hello, 'MAIL FROM:<clerk@example.net>', 'RCPT TO:<local-news@example.org>'],
      [hello, 'MAIL FROM:<>', 'RCPT TO:<all-staff@example.org>', ours],
    ],
  },
  {
    name: 'P14: our own domain as sender from outside, in the wrong and the right order',
    mainCf: [
      'smtpd_sender_restrictions = permit_mynetworks, check_sender_access inline:{example.org=REJECT}',
    ],
    sessions: [
      [hello, 'MAIL FROM:<daemon@example.org>', ours],
      [hello, 'MAIL FROM:<daemon@sub.example.org>', ours],
      [hello, 'MAIL FROM:<daemon>', ours],
      [hello, 'MAIL FROM:<DAEMON@Example.Org>', ours],
    ],
  },
  {
    name: 'P14: the same client in mynetworks',
    mainCf: [
      trusted,
      'smtpd_sender_restrictions = permit_mynetworks, check_sender_access inline:{example.org=REJECT}',
    ],
    sessions: [[hello, 'MAIL FROM:<daemon@example.org>', ours, elsewhere]],
  },
  {
    name: 'reject in each list, with smtpd_delay_reject',
    mainCf: ['smtpd_client_restrictions = reject'],
    sessions: [[hello, from, ours, 'VRFY daemon', 'ETRN example.org', 'NOOP', 'RSET']],
  },
  {
    name: 'reject at HELO, with smtpd_delay_reject',
    mainCf: ['smtpd_helo_restrictions = reject'],
    sessions: [[hello, from, ours, 'VRFY daemon', 'ETRN example.org']],
  },
  {
    name: 'reject at MAIL, with smtpd_delay_reject',
    mainCf: ['smtpd_sender_restrictions = reject'],
    sessions: [[hello, from, ours, 'VRFY daemon', 'ETRN example.org']],
  },
  {
    name: 'reject at DATA and at the end',
    mainCf: [
      'smtpd_data_restrictions = check_sender_access inline:{data@example.net=REJECT}, reject_multi_recipient_bounce',
      'smtpd_end_of_data_restrictions = check_sender_access inline:{end@example.net=REJECT}, check_recipient_access inline:{bin@example.org=REJECT}',
    ],
    sessions: [
      [hello, 'MAIL FROM:<data@example.net>', ours, 'DATA'],
      [hello, 'MAIL FROM:<end@example.net>', ours, 'DATA', message('end')],
      [hello, 'MAIL FROM:<>', ours, 'RCPT TO:<bin@example.org>', 'DATA'],
      [hello, 'MAIL FROM:<>', ours, 'DATA', message('one bounce')],
      [...sent('RCPT TO:<bin@example.org>'), message('to bin')],
      [...sent(ours, 'RCPT TO:<bin@example.org>'), message('to both')],
    ],
    outcome: ['mailbox bin: to both', 'mailbox daemon: one bounce', 'mailbox daemon: to both'],
  },
  {
    name: 'lists with permit before and after',
    mainCf: [
      'smtpd_recipient_restrictions = permit, reject',
      'smtpd_sender_restrictions = check_sender_access inline:{a@example.net=OK}, reject',
    ],
    sessions: [
      [hello, from, ours, elsewhere],
      [hello, 'MAIL FROM:<b@example.net>', ours, elsewhere],
    ],
  },
  {
    name: 'recipient list alone, without relay list',
    mainCf: [
      'smtpd_relay_restrictions =',
      'smtpd_recipient_restrictions = check_recipient_access inline:{example.com=OK}, reject_unauth_destination, check_sender_access inline:{a@example.net=REJECT}',
    ],
    sessions: [
      [hello, from, ours, elsewhere, 'RCPT TO:<x@example.edu>', 'RCPT TO:<x@sub.example.com>'],
      [hello, 'MAIL FROM:<b@example.net>', ours, elsewhere],
    ],
  },
  {
    name: 'smtpd_relay_before_recipient_restrictions = no',
    mainCf: [
      'smtpd_relay_before_recipient_restrictions = no',
      'smtpd_recipient_restrictions = check_recipient_access inline:{example.com=REJECT}',
    ],
    sessions: [[hello, from, ours, elsewhere, 'RCPT TO:<x@example.edu>']],
  },
  {
    name: 'smtpd_relay_before_recipient_restrictions = yes',
    mainCf: [
      'smtpd_relay_before_recipient_restrictions = yes',
      'smtpd_recipient_restrictions = check_recipient_access inline:{example.com=REJECT}',
    ],
    sessions: [[hello, from, ours, elsewhere, 'RCPT TO:<x@example.edu>']],
  },
  {
    name: 'defer_if_permit and defer_if_reject, before and behind others',
    mainCf: [
      'smtpd_sender_restrictions = check_sender_access texthash:FOLDER/senders',
      'smtpd_recipient_restrictions = check_recipient_access texthash:FOLDER/recipients',
    ],
    files: {
      senders:
        'dip@example.net DEFER_IF_PERMIT come again\ndir@example.net DEFER_IF_REJECT not sure\ndip451@example.net DEFER_IF_PERMIT 4.7.5 with status\nboth@example.net defer_if_permit, defer_if_reject\n',
      recipients:
        'daemon@example.org OK\nbin@example.org REJECT closed\nsys@example.org DUNNO\ngames@example.org DEFER_IF_REJECT maybe\n',
    },
    sessions: ['dip', 'dir', 'dip451', 'both'].map((name) => [
      hello,
      `MAIL FROM:<${name}@example.net>`,
      ours,
      'RCPT TO:<bin@example.org>',
      'RCPT TO:<sys@example.org>',
      'RCPT TO:<games@example.org>',
      'RCPT TO:<nobody-here@example.org>',
      elsewhere,
    ]),
  },
  {
    name: 'warn_if_reject before tables, classes and each other',
    mainCf: [
      'smtpd_restriction_classes = strict',
      'strict = reject_non_fqdn_sender, reject',
      'smtpd_sender_restrictions = warn_if_reject strict, warn_if_reject check_sender_access inline:{a@example.net=REJECT}, warn_if_reject warn_if_reject reject, check_sender_access inline:{b@example.net=REJECT}',
    ],
    sessions: [
      [hello, from, ours],
      [hello, 'MAIL FROM:<b@example.net>', ours],
      [hello, 'MAIL FROM:<a@b>', ours],
    ],
  },
  {
    name: 'reject_invalid_helo_hostname, reject_non_fqdn_helo_hostname: names of every kind',
    mainCf: [
      'smtpd_helo_required = yes',
      'smtpd_helo_restrictions = reject_invalid_helo_hostname, reject_non_fqdn_helo_hostname',
    ],
    sessions: [
      'a',
      'a.b',
      'a..b',
      '.a.b',
      'a.b.',
      'a-.b',
      'a_b.example',
      '1.2.3.4',
      '[1.2.3.4]',
      '[IPv6:2001:db8::1]',
      '[2001:db8::1]',
      '[x]',
      'a!b.example',
      `${'x'.repeat(64)}.example`,
      'xn--bcher-kva.example',
      '123',
      '1.2.3',
    ].map((name) => [`HELO ${name}`, from, ours]),
  },
  {
    name: 'classes in classes, in tables, and with a table of their own',
    mainCf: [
      'smtpd_restriction_classes = outer, inner, by_sender',
      'outer = inner, check_sender_access inline:{b@example.net=REJECT}',
      'inner = check_sender_access inline:{a@example.net=by_sender}',
      'by_sender = check_recipient_access inline:{daemon@example.org=REJECT}',
      'smtpd_recipient_restrictions = outer, check_recipient_access inline:{bin@example.org=outer}',
    ],
    sessions: [
      [hello, from, ours, 'RCPT TO:<bin@example.org>'],
      [hello, 'MAIL FROM:<b@example.net>', ours],
      [hello, 'MAIL FROM:<c@example.net>', ours, 'RCPT TO:<bin@example.org>'],
    ],
  },
  {
    name: 'reject_unlisted_sender, reject_unlisted_recipient, smtpd_reject_unlisted_recipient = no',
    mainCf: [
      'smtpd_reject_unlisted_recipient = no',
      'smtpd_sender_restrictions = reject_unlisted_sender',
      'smtpd_recipient_restrictions = check_recipient_access inline:{bin2@example.org=OK}, reject_unlisted_recipient',
    ],
    sessions: [
      [hello, 'MAIL FROM:<nobody-here@example.org>', ours],
      [
        hello,
        'MAIL FROM:<daemon@example.org>',
        ours,
        'RCPT TO:<bin2@example.org>',
        'RCPT TO:<bin3@example.org>',
      ],
    ],
  },
  {
    name: 'smtpd_reject_unlisted_sender = yes',
    mainCf: ['smtpd_reject_unlisted_sender = yes'],
    sessions: [
      [hello, 'MAIL FROM:<nobody-here@example.org>', ours],
      [hello, 'MAIL FROM:<nobody-here@example.net>', ours],
      [hello, 'MAIL FROM:<daemon+x@example.org>', ours],
    ],
  },
  {
    name: 'smtpd_sender_login_maps without a login',
    mainCf: [
      'smtpd_sasl_auth_enable = yes',
      'smtpd_sasl_security_options = noanonymous',
      'smtpd_sender_login_maps = inline:{owned@example.net=alice, daemon@example.org=daemon}',
      'smtpd_sender_restrictions = reject_sender_login_mismatch',
    ],
    sessions: [
      [hello, 'MAIL FROM:<owned@example.net>', ours],
      [hello, 'MAIL FROM:<free@example.net>', ours],
      [hello, 'MAIL FROM:<>', ours],
    ],
  },
  {
    name: 'reject_plaintext_session, permit_sasl_authenticated, permit_auth_destination, permit_inet_interfaces',
    mainCf: [
      'smtpd_recipient_restrictions = check_sender_access inline:{plain@example.net=reject_plaintext_session}, permit_sasl_authenticated, permit_auth_destination, reject',
      'smtpd_relay_restrictions = permit_auth_destination, reject',
    ],
    sessions: [
      [hello, from, ours, elsewhere],
      [hello, 'MAIL FROM:<plain@example.net>', ours],
    ],
  },
  {
    name: 'smtpd_reject_footer: every refusal, with macros',
    mainCf: [
      // biome-ignore lint/suspicious/noTemplateCurlyInString: Postfix's own syntax
      'smtpd_reject_footer = \\c; ask $server_name ($client_address, $client_name${helo_name?, $helo_name})\\nfrom $sender',
      'smtpd_sender_restrictions = reject_non_fqdn_sender',
    ],
    sessions: [
      ['FOO', 'HELO', hello, 'MAIL', from, elsewhere, 'RCPT', 'RCPT TO:<nobody-here@example.org>', 'BDAT x'],
      [hello, from, ours, 'MAIL FROM:<b@example.net>', 'RSET', 'DATA', 'MAIL FROM:<a@b>', ours],
    ],
  },
  {
    name: 'smtpd_reject_footer_maps: by the reply',
    mainCf: ['smtpd_reject_footer = usual', 'smtpd_reject_footer_maps = regexp:FOLDER/footers'],
    files: {
      footers:
        '/^554 5\\.7\\.1 .*Relay/ no relay from $$client_address\n/^5\\d\\d Syntax|^501/ \\c (see RFC 5321)\n',
    },
    sessions: [['HELO', hello, from, elsewhere, 'RCPT TO:<nobody-here@example.org>', 'RCPT TO:', 'FOO']],
  },
]

testMatrix('restriction lists at Postfix and here', matrixMissing, scenarios)
