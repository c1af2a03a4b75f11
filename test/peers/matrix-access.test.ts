/** Keys and actions of access tables and of mynetworks, at Postfix and here. */
import { elsewhere, from, hello, message, ours, sent, trusted } from './matrix-dialogue.ts'
import { matrixMissing, type Scenario } from './matrix-peers.ts'
import { testMatrix } from './matrix-test.ts'

const scenarios: readonly Scenario[] = [
  {
    name: 'P10: codes and statuses in actions',
    mainCf: ['notify_classes =', 'smtpd_sender_restrictions = check_sender_access texthash:FOLDER/senders'],
    files: {
      senders: [
        '1@x.example 550',
        '2@x.example 550 no',
        '3@x.example 550 5.7.1',
        '4@x.example 550 5.7.1 no',
        '5@x.example 450 5.7.1 mixed',
        '6@x.example 521 5.7.1 go away',
        '7@x.example 421 4.7.0 later',
        '8@x.example REJECT 5.1.8 bad sender',
        '9@x.example REJECT 5.1.1 turned',
        '10@x.example DEFER 4.1.7 wait',
        '11@x.example REJECT 4.7.1 soft',
        '12@x.example REJECT   blanks   inside',
        '13@x.example reject lower case',
        '14@x.example 12345',
        '15@x.example OK with words',
        '16@x.example DUNNO with words',
        '17@x.example reject_unknown_things',
        '18@x.example 600 what',
        '19@x.example 250 yes',
        '20@x.example WARN',
        '21@x.example INFO',
        '22@x.example PREPEND X-Seen: yes',
        '23@x.example PREPEND no field',
        '24@x.example DISCARD',
        '25@x.example HOLD',
        '26@x.example BCC',
        '27@x.example REDIRECT daemon',
        '28@x.example FILTER nonsense',
        '29@x.example permit',
        '30@x.example permit_mynetworks, reject',
        '',
      ].join('\n'),
    },
    sessions: Array.from({ length: 30 }, (_, n) => [hello, `MAIL FROM:<${n + 1}@x.example>`, ours]),
  },
  {
    name: 'P9: keys of client tables',
    mainCf: ['smtpd_client_restrictions = check_client_access texthash:FOLDER/clients'],
    files: { clients: '127.0.0.1 REJECT by address\n127.0.0 REJECT by network\nunknown OK\n' },
    sessions: [[hello, from, ours]],
  },
  {
    name: 'P9: keys of client tables: networks, the longest first',
    mainCf: ['smtpd_client_restrictions = check_client_access texthash:FOLDER/clients'],
    files: { clients: '127.0 REJECT sixteen\n127.0.0 REJECT twenty-four\n127 REJECT eight\n' },
    sessions: [[hello, from, ours]],
  },
  {
    name: 'P9: keys of client tables: cidr with exceptions',
    mainCf: ['smtpd_client_restrictions = check_client_access cidr:FOLDER/clients'],
    files: {
      clients:
        'if 127.0.0.0/8\n!127.0.0.0/24 REJECT other\n127.0.0.0/30 REJECT first\nendif\n0.0.0.0/0 REJECT all\n',
    },
    sessions: [[hello, from, ours]],
  },
  {
    name: 'P9: keys of sender tables: extension, parents, local part, quotes, literals',
    mainCf: ['smtpd_sender_restrictions = check_sender_access texthash:FOLDER/senders'],
    files: {
      senders: [
        'user+ext@example.net 450 with extension',
        'user@example.net 451 user',
        'example.net 452 domain',
        '.example.net 453 subdomains',
        'net 454 top',
        'local@ 455 local part',
        '"a b"@example.edu 456 quoted',
        '[192.0.2.1] 457 literal',
        '<> 458 null',
        'example.org 459 ours',
        '',
      ].join('\n'),
    },
    sessions: [
      'user+ext@example.net',
      'user+other@example.net',
      'other@example.net',
      'x@sub.example.net',
      'x@a.b.example.net',
      'x@other.net',
      'local@example.edu',
      'local+ext@example.edu',
      '"local"@example.edu',
      'x@[192.0.2.1]',
      '',
      'bare',
      'LOCAL@EXAMPLE.EDU',
    ].map((sender) => [hello, `MAIL FROM:<${sender}>`, ours]),
  },
  {
    name: 'P9: the same with parent domains under their own name only',
    mainCf: [
      'parent_domain_matches_subdomains =',
      'smtpd_sender_restrictions = check_sender_access texthash:FOLDER/senders',
    ],
    files: { senders: 'example.net 452 domain\n.example.net 453 subdomains\nnet 454 top\n.edu 455 edu\n' },
    sessions: ['x@example.net', 'x@sub.example.net', 'x@other.net', 'x@example.edu', 'x@edu'].map(
      (sender) => [hello, `MAIL FROM:<${sender}>`, ours],
    ),
  },
  {
    name: 'P9: recipient keys: virtual aliases, extensions, other cases',
    mainCf: [
      'virtual_alias_maps = inline:{info@example.org=daemon@example.org}',
      'smtpd_recipient_restrictions = check_recipient_access texthash:FOLDER/recipients',
    ],
    files: {
      recipients:
        'info@example.org 450 alias\nbin@ 451 bin anywhere\nSYS@example.org 452 sys\nexample.com 453 elsewhere\npostmaster OK\n',
    },
    sessions: [
      [
        hello,
        from,
        'RCPT TO:<info@example.org>',
        'RCPT TO:<info+x@example.org>',
        'RCPT TO:<bin+ext@example.org>',
        'RCPT TO:<Sys@example.org>',
        'RCPT TO:<sys>',
        'RCPT TO:<postmaster>',
        elsewhere,
      ],
    ],
  },
  {
    name: 'P9: HELO keys',
    mainCf: ['smtpd_helo_restrictions = check_helo_access texthash:FOLDER/helo'],
    files: {
      helo: 'example.net 450 domain\n.example.edu 451 subdomains\n[192.0.2.1] 452 literal\n192.0.2.2 453 address\nlocalhost 454 localhost\n',
    },
    sessions: [
      'example.net',
      'mx.example.net',
      'EXAMPLE.NET',
      'x.example.edu',
      'example.edu',
      '[192.0.2.1]',
      '192.0.2.2',
      'localhost',
      'x_y',
    ].map((name) => [`EHLO ${name}`, from, ours]),
  },
  {
    name: 'unionmap and pipemap in access tables',
    mainCf: [
      'smtpd_sender_restrictions = check_sender_access pipemap:{regexp:FOLDER/groups,texthash:FOLDER/actions}',
      'smtpd_recipient_restrictions = check_recipient_access regexp:FOLDER/recipients',
    ],
    files: {
      groups: '/^(boss|ceo)@/ leaders\n/@spam\\./ spammers\n',
      actions: 'leaders OK\nspammers REJECT ($1) no\n',
      recipients:
        '/^(.*)\\+(.*)@/ REJECT no extension $2 for $1\n/^postmaster@/ OK\n!/@example\\.org$/ REJECT not ours\n',
    },
    sessions: [
      [hello, 'MAIL FROM:<boss@x.example>', ours, 'RCPT TO:<daemon+tag@example.org>'],
      [hello, 'MAIL FROM:<x@spam.example>', ours],
      [hello, from, elsewhere, 'RCPT TO:<postmaster@example.org>'],
    ],
  },
  {
    name: 'smtpd_null_access_lookup_key',
    mainCf: [
      'smtpd_null_access_lookup_key = nobody',
      'smtpd_sender_restrictions = check_sender_access inline:{nobody=REJECT}',
    ],
    sessions: [[hello, 'MAIL FROM:<>', ours]],
  },
  {
    name: 'mynetworks: exceptions, files, tables',
    mainCf: ['mynetworks = !127.0.0.1, 127.0.0.0/8'],
    sessions: [[hello, from, elsewhere]],
  },
  {
    name: 'mynetworks in a file, with a table in it',
    mainCf: ['mynetworks = FOLDER/networks, 192.0.2.0/24'],
    files: { networks: '# ours\n127.0.0.0/8 10.0.0.0/8\n' },
    sessions: [[hello, from, elsewhere]],
  },
  {
    name: 'mynetworks as a table',
    mainCf: ['mynetworks = cidr:FOLDER/networks'],
    files: { networks: '127.0.0.0/8 yes\n' },
    sessions: [[hello, from, elsewhere]],
  },
  {
    name: 'defer, defer_unauth_destination, defer_code, access_map_defer_code, access_map_reject_code',
    mainCf: [
      'smtpd_relay_restrictions = defer_unauth_destination',
      'defer_code = 451',
      'access_map_defer_code = 452',
      'access_map_reject_code = 551',
      'smtpd_recipient_restrictions = check_sender_access inline:{defer@example.net=DEFER,reject@example.net=REJECT,list@example.net=defer}',
    ],
    sessions: [
      [hello, from, ours, elsewhere],
      [hello, 'MAIL FROM:<defer@example.net>', ours],
      [hello, 'MAIL FROM:<reject@example.net>', ours],
      [hello, 'MAIL FROM:<list@example.net>', ours],
    ],
  },
  {
    name: 'effects of tables: PREPEND, REDIRECT, BCC, DISCARD',
    mainCf: [
      trusted,
      'smtpd_recipient_restrictions = check_recipient_access texthash:FOLDER/recipients, check_sender_access texthash:FOLDER/senders',
    ],
    files: {
      recipients:
        'daemon@example.org PREPEND X-Seen: yes\nbin@example.org REDIRECT sys@example.org\ngames@example.org DISCARD gone\n',
      senders: 'copy@example.net BCC daemon@example.org\nx@example.net REJECT\n',
    },
    sessions: [
      [...sent(ours), message('prepended')],
      [...sent('RCPT TO:<bin@example.org>', ours), message('redirected')],
      [...sent('RCPT TO:<games@example.org>'), message('discarded')],
      [hello, 'MAIL FROM:<copy@example.net>', 'RCPT TO:<sys@example.org>', 'DATA', message('copied')],
    ],
    outcome: [
      'mailbox daemon: copied',
      'mailbox daemon: prepended',
      'mailbox sys: copied',
      'mailbox sys: redirected',
    ],
  },
  {
    name: 'check_reverse_client_hostname_access, check_client_access by name unknown',
    mainCf: [
      'smtpd_client_restrictions = check_reverse_client_hostname_access inline:{{unknown=450 who}}, check_client_access inline:{unknown=REJECT}',
    ],
    sessions: [[hello, from, ours]],
  },
]

testMatrix('access tables at Postfix and here', matrixMissing, scenarios)
