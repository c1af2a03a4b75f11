/** The same restrictions at Postfix and here: reply codes, enhanced codes and texts. */
import { elsewhere, from, hello, ours, trusted } from './matrix-dialogue.ts'
import { matrixMissing, type Scenario } from './matrix-peers.ts'
import { testMatrix } from './matrix-test.ts'

const scenarios: readonly Scenario[] = [
  {
    name: 'P13: a stranger reaches our users and nobody else',
    sessions: [
      [hello, from, ours, elsewhere, 'RCPT TO:<nobody-here@example.org>', 'RCPT TO:<daemon>', 'RCPT TO:<>'],
      [
        hello,
        from,
        'RCPT TO:<x%example.com@example.org>',
        'RCPT TO:<@example.org:x@example.com>',
        'RCPT TO:<x!y@example.com>',
        'RCPT TO:<x@[192.0.2.1]>',
        'RCPT TO:<daemon+tag@example.org>',
        'RCPT TO:<Daemon@EXAMPLE.ORG>',
        'RCPT TO:<postmaster>',
      ],
      ['HELO client', 'MAIL FROM:<>', ours, elsewhere],
    ],
  },
  {
    name: 'P13: our own networks may relay',
    mainCf: [trusted],
    sessions: [[hello, from, ours, elsewhere, 'RCPT TO:<nobody-here@example.org>']],
  },
  {
    name: 'S1: the order of commands',
    sessions: [
      [from, ours, 'NOOP', 'RSET', 'FOO', 'VRFY daemon@example.org', 'VRFY nobody-here@example.org'],
      ['EXPN daemon', 'NOOP x', 'RSET x', 'QUIT x', 'DATA x', 'QUIT'],
      [hello, ours, 'DATA', from, 'MAIL FROM:<b@example.net>', 'DATA', 'RSET', 'DATA'],
      [hello, 'MAIL FROM:', 'MAIL a@example.net', 'MAIL FROM:a@example.net', 'RSET'],
      [hello, 'MAIL FROM:<a@example.net> FOO=BAR', 'MAIL FROM:<a@@example.net>', 'RSET'],
      [hello, 'MAIL FROM:<a@example..net>', 'RSET', 'MAIL FROM:<a b@example.net>', 'RSET'],
      [hello, 'mail from: <a@example.net>', 'rcpt to: daemon@example.org', 'MAIL FROM:<b@example.net>'],
      [hello, 'MAIL FROM:<a@example.net> SIZE=99999999'],
      [hello, 'MAIL FROM:<a@example.net> SIZE=x', 'MAIL FROM:<a@example.net> BODY=9BIT'],
      ['HELO', 'EHLO', 'HELO a b', 'EHLO [192.0.2.1]', 'HELO client.example.net'],
    ],
  },
  {
    name: 'P5, P6: names that must be whole',
    mainCf: [
      'smtpd_helo_required = yes',
      'smtpd_helo_restrictions = reject_invalid_helo_hostname, reject_non_fqdn_helo_hostname',
      'smtpd_sender_restrictions = reject_non_fqdn_sender',
      'smtpd_recipient_restrictions = reject_non_fqdn_recipient',
    ],
    sessions: [
      [from],
      ['HELO client', from, ours],
      ['HELO -bad-.example', from, ours],
      ['HELO [192.0.2.7]', from, ours],
      ['HELO [300.0.2.7]', from, ours],
      [
        hello,
        'MAIL FROM:<a@b>',
        ours,
        'RSET',
        'MAIL FROM:<a>',
        ours,
        'RSET',
        'MAIL FROM:<>',
        'RCPT TO:<daemon@b>',
        'RCPT TO:<daemon>',
        ours,
      ],
    ],
  },
  {
    name: 'P1: smtpd_delay_reject = no answers at each stage',
    mainCf: [
      'smtpd_delay_reject = no',
      'smtpd_helo_restrictions = reject_non_fqdn_helo_hostname',
      'smtpd_sender_restrictions = reject_non_fqdn_sender',
    ],
    sessions: [['HELO client', 'HELO client.example.net', 'MAIL FROM:<a@b>', from, elsewhere]],
  },
  {
    name: 'P8, P9, P10: access tables, where and what',
    mainCf: [
      'smtpd_client_restrictions = check_client_access texthash:FOLDER/clients',
      'smtpd_helo_restrictions = check_helo_access texthash:FOLDER/helo',
      'smtpd_sender_restrictions = check_sender_access texthash:FOLDER/senders',
      'smtpd_recipient_restrictions = check_recipient_access texthash:FOLDER/recipients',
    ],
    files: {
      clients: '127.0.0 DUNNO\n10 REJECT\n',
      helo: 'bad.example REJECT you again\n.sub.example 450 4.7.1 later please\nok.example OK\n',
      senders:
        'bad@example.net REJECT\nspam.example 554 5.7.1 no spam from $you\nuser@ REJECT any user\n<> 550 no bounces\ndefer@example.net DEFER\ndip@example.net DEFER_IF_PERMIT maybe later\ndir@example.net DEFER_IF_REJECT not sure\nwarn@example.net WARN just looking\nhold@example.net INFO noted\nbare@example.net 521\nfour@example.net 450\n',
      recipients: 'bin@example.org REJECT Bin is closed\nsys@ OK\n',
    },
    sessions: [
      ['HELO bad.example', from, ours],
      ['HELO x.sub.example', from, ours],
      ['HELO ok.example', 'MAIL FROM:<bad@example.net>', ours],
      [
        hello,
        'MAIL FROM:<a@spam.example>',
        ours,
        'RSET',
        'MAIL FROM:<a@sub.spam.example>',
        ours,
        'RSET',
        'MAIL FROM:<user@any.example>',
        ours,
        'RSET',
        'MAIL FROM:<user+x@any.example>',
        ours,
      ],
      [hello, 'MAIL FROM:<>', ours],
      [
        hello,
        'MAIL FROM:<defer@example.net>',
        ours,
        'RSET',
        'MAIL FROM:<dip@example.net>',
        ours,
        elsewhere,
        'RSET',
        'MAIL FROM:<dir@example.net>',
        ours,
        elsewhere,
      ],
      [hello, 'MAIL FROM:<warn@example.net>', ours, 'RSET', 'MAIL FROM:<hold@example.net>', ours],
      [hello, 'MAIL FROM:<bare@example.net>', ours],
      [hello, 'MAIL FROM:<four@example.net>', ours],
      [
        hello,
        from,
        'RCPT TO:<bin@example.org>',
        'RCPT TO:<bin+x@example.org>',
        'RCPT TO:<sys@example.org>',
        'RCPT TO:<sys+x@example.org>',
      ],
    ],
  },
  {
    name: 'P9: parent domains by parent_domain_matches_subdomains',
    mainCf: [
      'parent_domain_matches_subdomains = smtpd_access_maps',
      'smtpd_sender_restrictions = check_sender_access texthash:FOLDER/senders',
    ],
    files: { senders: 'spam.example REJECT\n' },
    sessions: [
      [hello, 'MAIL FROM:<a@sub.spam.example>', ours, 'RSET', 'MAIL FROM:<a@notspam.example>', ours],
    ],
  },
  {
    name: 'P9: regexp and cidr tables',
    mainCf: [
      'smtpd_client_restrictions = check_client_access cidr:FOLDER/clients',
      'smtpd_sender_restrictions = check_sender_access regexp:FOLDER/senders',
    ],
    files: {
      clients: '10.0.0.0/8 REJECT\n127.0.0.0/8 DUNNO\n',
      senders:
        '/^(.*)@numbers([0-9]+)\\.example$/ REJECT $1 of number $2\nif /example\\.com$/\n/^a@/ REJECT a of com\nendif\n!/@/ REJECT no at\n',
    },
    sessions: [
      [
        hello,
        'MAIL FROM:<me@numbers42.example>',
        ours,
        'RSET',
        'MAIL FROM:<a@example.com>',
        ours,
        'RSET',
        'MAIL FROM:<b@example.com>',
        ours,
      ],
    ],
  },
  {
    name: 'P11: restriction classes',
    mainCf: [
      'smtpd_restriction_classes = managers_only, nobody_at_all',
      'managers_only = check_sender_access texthash:FOLDER/managers, reject',
      'nobody_at_all = reject',
      'smtpd_recipient_restrictions = check_recipient_access texthash:FOLDER/lists, permit_mynetworks, reject_unauth_destination',
    ],
    files: {
      managers: 'boss@example.net OK\n',
      lists: 'daemon@example.org managers_only\nbin@example.org nobody_at_all\n',
    },
    sessions: [
      [
        hello,
        from,
        ours,
        'RCPT TO:<bin@example.org>',
        'RCPT TO:<sys@example.org>',
        'RSET',
        'MAIL FROM:<boss@example.net>',
        ours,
      ],
    ],
  },
  {
    name: 'P15: a list of recipients closed by reject',
    mainCf: ['smtpd_recipient_restrictions = check_recipient_access texthash:FOLDER/open, reject'],
    files: { open: 'daemon@example.org OK\n' },
    sessions: [[hello, from, ours, 'RCPT TO:<bin@example.org>', elsewhere]],
  },
  {
    name: 'warn_if_reject, defer, permit, reject_unauth_pipelining, sleep-free lists',
    mainCf: [
      'smtpd_client_restrictions = warn_if_reject reject',
      'smtpd_recipient_restrictions = reject_unlisted_recipient, permit_auth_destination, defer',
      'smtpd_data_restrictions = reject_unauth_pipelining, reject_multi_recipient_bounce',
    ],
    sessions: [
      [hello, 'MAIL FROM:<>', ours, 'RCPT TO:<bin@example.org>', 'DATA'],
      [
        hello,
        from,
        elsewhere,
        'RCPT TO:<nobody-here@example.org>',
        ours,
        'DATA',
        { message: 'Subject: ok\n\nbody' },
      ],
    ],
    outcome: ['mailbox daemon: ok'],
  },
  {
    name: 'reply codes as main.cf asks',
    mainCf: [
      'access_map_reject_code = 571',
      'reject_code = 553',
      'relay_domains_reject_code = 555',
      'unknown_local_recipient_reject_code = 450',
      'smtpd_sender_restrictions = check_sender_access inline:{bad@example.net=REJECT}',
      'smtpd_reject_footer = ask $server_name',
    ],
    sessions: [
      [
        hello,
        from,
        elsewhere,
        'RCPT TO:<nobody-here@example.org>',
        'RSET',
        'MAIL FROM:<bad@example.net>',
        ours,
      ],
    ],
  },
  {
    name: 'soft_bounce: every refusal is one for now',
    mainCf: ['soft_bounce = yes'],
    sessions: [
      [hello, from, elsewhere, 'RCPT TO:<nobody-here@example.org>', 'FOO', 'RCPT TO:<>', ours],
      ['RCPT TO:<x>', 'HELO', 'MAIL FROM:<a b@example.net>'],
    ],
  },
  {
    name: 'I14, S4: size limits',
    mainCf: ['message_size_limit = 2000'],
    sessions: [
      [hello, 'MAIL FROM:<a@example.net> SIZE=3000'],
      [
        'HELO client.example.net',
        from,
        ours,
        'DATA',
        { message: `Subject: big\n\n${'x'.repeat(70)}\n`.repeat(60) },
      ],
    ],
  },
  {
    name: 'limits of recipients and errors',
    mainCf: ['smtpd_recipient_limit = 2', 'smtpd_hard_error_limit = 3', 'smtpd_soft_error_limit = 2'],
    sessions: [
      [hello, from, ours, 'RCPT TO:<bin@example.org>', 'RCPT TO:<sys@example.org>'],
      [hello, 'FOO', 'BAR', 'BAZ', 'NOOP'],
    ],
  },
  {
    name: 'relay_domains, relay_recipient_maps, virtual_alias_domains, relocated_maps',
    mainCf: [
      'relay_domains = branch.example, other.example',
      'relay_recipient_maps = texthash:FOLDER/branch',
      'virtual_alias_domains = virtual.example',
      'virtual_alias_maps = texthash:FOLDER/virtual',
      'relocated_maps = texthash:FOLDER/relocated',
    ],
    files: {
      branch: 'known@branch.example x\n@other.example x\n',
      virtual: 'info@virtual.example daemon@example.org\n',
      relocated: 'gone@example.org new@example.com\n',
    },
    sessions: [
      [
        hello,
        from,
        'RCPT TO:<known@branch.example>',
        'RCPT TO:<unknown@branch.example>',
        'RCPT TO:<any@other.example>',
        'RCPT TO:<x@sub.branch.example>',
        'RCPT TO:<info@virtual.example>',
        'RCPT TO:<nobody@virtual.example>',
        'RCPT TO:<gone@example.org>',
      ],
    ],
  },
  {
    name: 'I11, I19: no local delivery',
    mainCf: ['local_transport = error:local delivery is disabled', 'local_recipient_maps ='],
    sessions: [[hello, from, ours, elsewhere]],
  },
]

testMatrix('the same main.cf at Postfix and here: rules', matrixMissing, scenarios)
