/** The same transports, owner aliases, variable envelope return paths and limits at Postfix and here. */
import { from, hello, message, ours, trusted } from './matrix-dialogue.ts'
import { matrixMissing, type Say, type Scenario } from './matrix-peers.ts'
import { testMatrix } from './matrix-test.ts'

const bounced = 'sent from=<> to=<a@example.net>: Undelivered Mail Returned to Sender'

/** One message to these recipients. */
const mail = (subject: string, ...recipients: readonly string[]): readonly Say[] =>
  mailFrom('<a@example.net>', subject, ...recipients)

const mailFrom = (sender: string, subject: string, ...recipients: readonly string[]): readonly Say[] => [
  hello,
  `MAIL FROM:${sender}`,
  ...recipients.map((one) => `RCPT TO:<${one}>`),
  'DATA',
  { message: `From: a@example.net\nTo: x@example.org\nSubject: ${subject}\n\nbody` },
]

const many = (count: number, name: string): string =>
  Array.from({ length: count }, (_, i) => `${name}${i}@example.com`).join(', ')

const chain = (length: number): string =>
  Array.from({ length }, (_, i) => `c${i}@virtual.example c${i + 1}@virtual.example\n`).join('')

const scenarios: readonly Scenario[] = [
  {
    name: 'transport(5), relocated(5): error: and retry: at RCPT; one report for all that fail later',
    mainCf: [trusted, 'transport_maps = texthash:FOLDER/transport', 'smtpd_reject_unlisted_sender = yes'],
    files: {
      aliases: 'postmaster: daemon\ntwo: nobody-a, nobody-b\n',
      transport: `e4.example error:4.2.1 mailbox disabled
e5.example error:5.7.1 closed
e0.example error:no code here
en.example error:
r4.example retry:4.3.2 come back
r0.example retry:later please
r5.example retry:5.1.1 weird
rn.example retry:
`,
    },
    sessions: [
      [
        hello,
        from,
        ...['e4', 'e5', 'e0', 'en', 'r4', 'r0', 'r5', 'rn'].map((name) => `RCPT TO:<a@${name}.example>`),
      ],
      [
        hello,
        'VRFY a@e4.example',
        'VRFY a@r4.example',
        'MAIL FROM:<a@e0.example>',
        ours,
        'RSET',
        'MAIL FROM:<a@r0.example>',
        ours,
      ],
      [hello, 'MAIL FROM:<bin@example.org>', 'RCPT TO:<two@example.org>', 'DATA', message('to two')],
    ],
    outcome: ['mailbox bin: Undelivered Mail Returned to Sender'],
  },
  {
    name: 'local(8): mailbox_transport_maps before mailbox_transport, after aliases and .forward',
    mainCf: [
      'mailbox_transport_maps = inline:{{bin = smtp:[127.0.0.1]:SINK}, {sys = error:5.2.1 closed}}',
      'mailbox_transport = discard:',
    ],
    files: { aliases: 'list: bin, daemon, y@example.com\n' },
    forward: { games: '\\games, z@example.com\n' },
    sessions: [
      mail('one', 'bin@example.org'),
      mail('two', 'bin+tag@example.org', 'daemon@example.org'),
      mail('three', 'list@example.org'),
      mail('four', 'games@example.org'),
      mail('five', 'sys@example.org'),
    ],
    outcome: [
      'sent from=<a@example.net> to=<bin@example.org>: one',
      'sent from=<a@example.net> to=<bin+tag@example.org>: two',
      'sent from=<a@example.net> to=<bin@example.org>: three',
      'sent from=<a@example.net> to=<y@example.com>: three',
      'sent from=<a@example.net> to=<z@example.com>: four',
      bounced,
    ],
  },
  {
    name: 'local(8): mailbox_transport serves users that are no accounts',
    mainCf: ['mailbox_transport = smtp:[127.0.0.1]:SINK', 'local_recipient_maps ='],
    sessions: [mail('who', 'nobody-here@example.org', 'bin@example.org')],
    outcome: [
      'sent from=<a@example.net> to=<nobody-here@example.org>: who',
      'sent from=<a@example.net> to=<bin@example.org>: who',
    ],
  },
  {
    name: 'local(8): fallback_transport_maps, fallback_transport, then luser_relay',
    mainCf: [
      'fallback_transport_maps = inline:{{moved = error:5.1.6 has moved}, {other = smtp:[127.0.0.1]:SINK}}',
      'luser_relay = daemon@example.org',
      'local_recipient_maps =',
    ],
    sessions: [
      mail('other', 'other@example.org'),
      mail('moved', 'moved@example.org'),
      mail('else', 'else@example.org', 'bin@example.org'),
    ],
    outcome: [
      'sent from=<a@example.net> to=<other@example.org>: other',
      bounced,
      'mailbox daemon: else',
      'mailbox bin: else',
    ],
  },
  {
    name: 'local(8): fallback_transport for whoever is not here',
    mainCf: ['fallback_transport = smtp:[127.0.0.1]:SINK', 'local_recipient_maps ='],
    sessions: [mail('away', 'away+x@example.org', 'bin@example.org')],
    outcome: ['sent from=<a@example.net> to=<away+x@example.org>: away', 'mailbox bin: away'],
  },
  {
    name: 'local_recipient_maps with a table of its own',
    mainCf: [
      'local_recipient_maps = texthash:FOLDER/locals $alias_maps',
      'mailbox_transport = smtp:[127.0.0.1]:SINK',
    ],
    files: { locals: 'here yes\nfull@example.org yes\n', aliases: 'aka: here\n' },
    sessions: [
      mail('known', 'here@example.org', 'full@example.org', 'here+tag@example.org'),
      [hello, 'MAIL FROM:<a@example.net>', 'RCPT TO:<nowhere@example.org>', 'RCPT TO:<aka@example.org>'],
    ],
    outcome: [
      'sent from=<a@example.net> to=<here@example.org>: known',
      'sent from=<a@example.net> to=<full@example.org>: known',
      'sent from=<a@example.net> to=<here+tag@example.org>: known',
    ],
  },
  {
    name: 'aliases(5): owner-: the sender of what a list sends on',
    mainCf: ['mydestination = example.org, lists.example.org'],
    files: {
      aliases: `list: x@example.com
owner-list: bin
nested: list, y@example.com
owner-nested: list-request@example.net
list-request: bin
`,
    },
    sessions: [
      mail('owned', 'list@example.org'),
      mail('other domain', 'list@lists.example.org'),
      mail('nested', 'nested@example.org'),
      mail('extension', 'list+tag@example.org'),
    ],
    outcome: [
      'sent from=<owner-list@example.org> to=<x@example.com>: owned',
      'sent from=<owner-list@example.org> to=<x@example.com>: other domain',
      'sent from=<owner-list@example.org> to=<x@example.com>: nested',
      'sent from=<owner-nested@example.org> to=<y@example.com>: nested',
      'sent from=<owner-list@example.org> to=<x@example.com>: extension',
    ],
  },
  {
    name: 'expand_owner_alias: the owner himself is the sender',
    mainCf: ['expand_owner_alias = yes'],
    files: {
      aliases: 'list: x@example.com\nowner-list: bin\nother: y@example.com\nowner-other: z@example.net\n',
    },
    sessions: [mail('owned', 'list@example.org'), mail('elsewhere', 'other@example.org')],
    outcome: [
      'sent from=<bin@example.org> to=<x@example.com>: owned',
      'sent from=<z@example.net> to=<y@example.com>: elsewhere',
    ],
  },
  {
    name: 'owner_request_special, recipient_delimiter = -',
    mainCf: ['recipient_delimiter = -'],
    files: {
      aliases:
        'list: x@example.com\nowner-list: bin\nlist-request: daemon\nowner: sys\nplain: y@example.com\n',
    },
    sessions: [
      mail('to owner', 'owner-list@example.org'),
      mail('request', 'list-request@example.org'),
      mail('split', 'bin-tag@example.org', 'plain-tag@example.org'),
      [
        hello,
        'MAIL FROM:<a@example.net>',
        'RCPT TO:<owner-plain@example.org>',
        'RCPT TO:<plain-request@example.org>',
      ],
    ],
    outcome: [
      'mailbox bin: to owner',
      'mailbox daemon: request',
      'mailbox bin: split',
      'sent from=<a@example.net> to=<y@example.com>: split',
    ],
  },
  {
    name: 'owner_request_special = no',
    mainCf: ['recipient_delimiter = -', 'owner_request_special = no'],
    files: { aliases: 'list: x@example.com\nowner-list: bin\nowner: sys\nplain: y@example.com\n' },
    sessions: [mail('owned', 'list@example.org'), mail('to owner', 'owner-list@example.org')],
    outcome: ['sent from=<a@example.net> to=<x@example.com>: owned', 'mailbox bin: to owner'],
  },
  {
    name: 'VERP_README: XVERP',
    mainCf: [
      trusted,
      'smtpd_authorized_verp_clients = 127.0.0.1',
      'virtual_alias_domains = virtual.example',
      'virtual_alias_maps = inline:{{both@virtual.example = x@example.com, y@example.com}}',
    ],
    files: { aliases: 'list: z@example.com\n' },
    sessions: [
      [hello],
      mailFrom('<owner@example.org> XVERP', 'verp', 'x@example.com', 'y@example.com', 'bin@example.org'),
      mailFrom('<owner@example.org> XVERP=-=', 'delims', 'x@example.com'),
      mailFrom('<owner@example.org> XVERP', 'virtual', 'both@virtual.example', 'list@example.org'),
      [
        hello,
        'MAIL FROM:<> XVERP',
        'MAIL FROM:<owner@example.org> XVERP=+',
        'MAIL FROM:<owner@example.org> XVERP==x',
        'MAIL FROM:<owner@example.org> XVERP=',
        'MAIL FROM:<owner@example.org> XVERP=abc',
        'MAIL FROM:<owner@example.org> xverp=-=',
      ],
    ],
    outcome: [
      'sent from=<owner+x=example.com@example.org> to=<x@example.com>: verp',
      'sent from=<owner+y=example.com@example.org> to=<y@example.com>: verp',
      'mailbox bin: verp',
      'sent from=<owner-x=example.com@example.org> to=<x@example.com>: delims',
      'sent from=<owner+both=virtual.example@example.org> to=<x@example.com>: virtual',
      'sent from=<owner+both=virtual.example@example.org> to=<y@example.com>: virtual',
      'sent from=<owner+list=example.org@example.org> to=<z@example.com>: virtual',
    ],
  },
  {
    name: 'VERP_README: XVERP for others, and delimiters of our own',
    mainCf: [trusted, 'smtpd_authorized_verp_clients = 192.0.2.1'],
    sessions: [[hello, 'MAIL FROM:<owner@example.org> XVERP', 'MAIL FROM:<owner@example.org>']],
  },
  {
    name: 'VERP_README: nobody may',
    mainCf: [trusted],
    sessions: [[hello, 'MAIL FROM:<owner@example.org> XVERP', 'MAIL FROM:<owner@example.org>']],
  },
  {
    name: 'default_verp_delimiters, verp_delimiter_filter',
    mainCf: [
      trusted,
      'smtpd_authorized_verp_clients = $mynetworks',
      'default_verp_delimiters = _-',
      'verp_delimiter_filter = _-',
    ],
    sessions: [
      mailFrom('<owner@example.org> XVERP', 'own', 'x@example.com'),
      [hello, 'MAIL FROM:<owner@example.org> XVERP=+='],
    ],
    outcome: ['sent from=<owner_x-example.com@example.org> to=<x@example.com>: own'],
  },
  {
    name: 'virtual_alias_expansion_limit',
    mainCf: [
      'virtual_alias_domains = virtual.example',
      'virtual_alias_maps = texthash:FOLDER/virtual',
      'virtual_alias_expansion_limit = 5',
    ],
    files: { virtual: `five@virtual.example ${many(5, 'u')}\nsix@virtual.example ${many(6, 'v')}\n` },
    sessions: [mail('six', 'six@virtual.example'), mail('five', 'five@virtual.example')],
    outcome: [
      'sent from=<a@example.net> to=<u0@example.com>: five',
      'sent from=<a@example.net> to=<u1@example.com>: five',
      'sent from=<a@example.net> to=<u2@example.com>: five',
      'sent from=<a@example.net> to=<u3@example.com>: five',
      'sent from=<a@example.net> to=<u4@example.com>: five',
    ],
  },
  {
    name: 'virtual_alias_recursion_limit, loops',
    mainCf: [
      'virtual_alias_domains = virtual.example',
      'virtual_alias_maps = texthash:FOLDER/virtual',
      'virtual_alias_recursion_limit = 5',
    ],
    files: {
      virtual: `${chain(8)}c8@virtual.example x@example.com\nself@virtual.example self@virtual.example y@example.com
one@virtual.example two@virtual.example\ntwo@virtual.example one@virtual.example\n`,
    },
    sessions: [
      mail('too deep', 'c0@virtual.example'),
      mail('deep', 'c5@virtual.example'),
      mail('circle', 'one@virtual.example'),
    ],
    outcome: ['sent from=<a@example.net> to=<x@example.com>: deep'],
  },
  {
    name: 'virtual_alias_address_length_limit',
    mainCf: [
      'virtual_alias_domains = virtual.example',
      'virtual_alias_maps = inline:{{long@virtual.example = x1234567890@example.com}, {short@virtual.example = x@example.com}}',
      'virtual_alias_address_length_limit = 20',
    ],
    sessions: [mail('long', 'long@virtual.example'), mail('short', 'short@virtual.example')],
    outcome: ['sent from=<a@example.net> to=<x@example.com>: short'],
  },
]

testMatrix('transports beside Postfix', matrixMissing, scenarios)
