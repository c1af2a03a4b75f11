/** The same aliases, .forward files and address rewriting at Postfix and here: what comes of the mail. */
import { hello, trusted } from './matrix-dialogue.ts'
import { matrixMissing, type Say, type Scenario } from './matrix-peers.ts'
import { testMatrix } from './matrix-test.ts'

/** One message to these recipients. */
const mail = (subject: string, ...recipients: readonly string[]): readonly Say[] => [
  hello,
  'MAIL FROM:<a@example.net>',
  ...recipients.map((one) => `RCPT TO:<${one}>`),
  'DATA',
  { message: `From: a@example.net\nTo: x@example.org\nSubject: ${subject}\n\nbody` },
]

const scenarios: readonly Scenario[] = [
  {
    name: 'A1–A4: aliases(5): groups, self reference, elsewhere, owner, include',
    files: {
      aliases: `postmaster: root
root: bin, daemon
group: daemon, bin, sys
loop1: loop2
loop2: loop1, sys
self: self, daemon
daemon-copy: daemon, x@example.com
listed: :include:FOLDER/members
owner-listed: games
"quoted name": sys
`,
      members: '# people\ndaemon,\n  bin\n',
    },
    sessions: [
      mail('one', 'postmaster@example.org'),
      mail('two', 'group@example.org', 'games@example.org'),
      mail('three', 'daemon-copy@example.org'),
      mail('four', 'listed@example.org'),
      mail('five', 'GROUP+tag@example.org'),
    ],
    outcome: [
      'mailbox bin: one',
      'mailbox daemon: one',
      'mailbox games: two',
      'mailbox daemon: two',
      'mailbox bin: two',
      'mailbox sys: two',
      'mailbox daemon: three',
      'sent from=<a@example.net> to=<x@example.com>: three',
      'mailbox daemon: four',
      'mailbox bin: four',
      'mailbox daemon: five',
      'mailbox bin: five',
      'mailbox sys: five',
    ],
  },
  {
    name: 'A6: .forward: elsewhere, a copy, several',
    forward: {
      daemon: 'x@example.com\n',
      bin: '\\bin, y@example.com\n',
      sys: '# comment\ngames\n\nz@example.com\n',
    },
    sessions: [
      mail('to daemon', 'daemon@example.org'),
      mail('to bin', 'bin@example.org'),
      mail('to sys', 'sys@example.org'),
    ],
    outcome: [
      'sent from=<a@example.net> to=<x@example.com>: to daemon',
      'mailbox bin: to bin',
      'sent from=<a@example.net> to=<y@example.com>: to bin',
      'mailbox games: to sys',
      'sent from=<a@example.net> to=<z@example.com>: to sys',
    ],
  },
  {
    name: 'W9: virtual(5): addresses, domains, catch-all, extensions',
    mainCf: ['virtual_alias_domains = virtual.example', 'virtual_alias_maps = texthash:FOLDER/virtual'],
    files: {
      virtual: `info@virtual.example daemon@example.org, bin@example.org
sales@virtual.example x@example.com
@virtual.example sys@example.org
chain@example.org info@virtual.example
own@virtual.example y+own@example.com
`,
    },
    sessions: [
      mail('info', 'info@virtual.example'),
      mail('sales', 'sales+eu@virtual.example'),
      mail('any', 'whoever@virtual.example'),
      mail('chain', 'chain@example.org'),
      mail('own', 'own+too@virtual.example'),
    ],
    outcome: [
      'mailbox daemon: info',
      'mailbox bin: info',
      'sent from=<a@example.net> to=<x+eu@example.com>: sales',
      'mailbox sys: any',
      'mailbox daemon: chain',
      'mailbox bin: chain',
      'sent from=<a@example.net> to=<y+own+too@example.com>: own',
    ],
  },
  {
    name: 'propagate_unmatched_extensions: every kind of table',
    mainCf: [
      trusted,
      'propagate_unmatched_extensions = alias, forward, include, generic',
      'virtual_alias_maps = inline:{v@example.org=x@example.com}',
      'recipient_canonical_maps = inline:{c@example.org=y@example.com}',
      'smtp_generic_maps = inline:{a@example.net=pub@example.com}',
      'local_recipient_maps =',
    ],
    files: {
      aliases:
        'postmaster: daemon\nlist: z@example.com, sys, p+q@example.com\nmany: :include:FOLDER/members\n',
      members: 'w@example.com\n',
    },
    forward: { bin: 'f@example.com\n' },
    sessions: [
      mail('v', 'v+ext@example.org'),
      mail('c', 'c+ext@example.org'),
      mail('list', 'list+ext@example.org'),
      mail('many', 'many+ext@example.org'),
      mail('forward', 'bin+ext@example.org'),
      [
        hello,
        'MAIL FROM:<a+tag@example.net>',
        'RCPT TO:<k@example.com>',
        'DATA',
        { message: 'Subject: generic\n\nx' },
      ],
    ],
    outcome: [
      'sent from=<pub@example.com> to=<x@example.com>: v',
      'sent from=<pub@example.com> to=<y@example.com>: c',
      'sent from=<pub@example.com> to=<z+ext@example.com>: list',
      'sent from=<pub@example.com> to=<p+q+ext@example.com>: list',
      'mailbox sys: list',
      'sent from=<pub@example.com> to=<w+ext@example.com>: many',
      'sent from=<pub@example.com> to=<f+ext@example.com>: forward',
      'sent from=<pub+tag@example.com> to=<k@example.com>: generic',
    ],
  },
  {
    name: 'routes between domains of ours; quoted keys with an extension; mail for double-bounce',
    mainCf: [
      'mydestination = example.org, other.example',
      'relay_domains = relay.example, relay2.example',
      'virtual_alias_domains = virt.example',
      'virtual_alias_maps = texthash:FOLDER/virtual',
      'smtpd_recipient_restrictions = check_recipient_access texthash:FOLDER/access',
    ],
    files: {
      virtual: '"q d"@virt.example daemon@example.org\n',
      access: '"no no"@example.org REJECT quoted\n',
    },
    sessions: [
      [
        hello,
        'MAIL FROM:<a@example.net>',
        'RCPT TO:<bin%other.example@example.org>',
        'RCPT TO:<x%relay.example@example.org>',
        'RCPT TO:<x%relay2.example@relay.example>',
        'RCPT TO:<x%example.com@example.org>',
        'RCPT TO:<bin%other.example%example.com@example.org>',
        'RCPT TO:<double-bounce@example.org>',
        'RCPT TO:<Double-Bounce+x@example.org>',
        'RCPT TO:<double-bounce@virt.example>',
      ],
      mail('quoted', '"q d+ext"@virt.example'),
      mail('double-bounce', 'double-bounce@example.org', 'sys@example.org'),
      mail('route', 'bin%other.example@example.org'),
    ],
    outcome: ['mailbox daemon: quoted', 'mailbox sys: double-bounce', 'mailbox bin: route'],
  },
  {
    name: 'canonical(5), recipient_bcc_maps, always_bcc',
    mainCf: [
      trusted,
      'recipient_canonical_maps = texthash:FOLDER/canonical',
      'sender_canonical_maps = inline:{a@example.net=alias@example.net}',
      'recipient_bcc_maps = inline:{x@example.com=bin@example.org}',
      'always_bcc = sys@example.org',
    ],
    files: { canonical: 'old@example.org daemon@example.org\n@gone.example x@example.com\n' },
    sessions: [mail('canonical', 'old@example.org'), mail('gone', 'who@gone.example')],
    outcome: [
      'mailbox daemon: canonical',
      'mailbox sys: canonical',
      'sent from=<alias@example.net> to=<x@example.com>: gone',
      'mailbox bin: gone',
      'mailbox sys: gone',
    ],
  },
  {
    name: 'transport(5): discard, error, a next hop for a domain',
    mainCf: [trusted, 'transport_maps = texthash:FOLDER/transport'],
    files: {
      transport: `nowhere.example discard:
closed.example error:5.7.1 closed for the winter
.sub.example discard:
user@one.example discard:
`,
    },
    sessions: [
      mail('discarded', 'a@nowhere.example'),
      [hello, 'MAIL FROM:<a@example.net>', 'RCPT TO:<a@closed.example>', 'RCPT TO:<daemon@example.org>'],
      mail('below', 'a@x.sub.example', 'user@one.example'),
      mail('kept', 'a@two.example'),
    ],
    outcome: ['sent from=<a@example.net> to=<a@two.example>: kept'],
  },
  {
    name: 'luser_relay, and relay_domains with a next hop',
    mainCf: [
      'local_recipient_maps =',
      'luser_relay = games+$local@example.org',
      'relay_domains = branch.example',
    ],
    sessions: [mail('lost', 'nobody-here@example.org'), mail('branch', 'u@branch.example')],
    outcome: ['mailbox games: lost', 'sent from=<a@example.net> to=<u@branch.example>: branch'],
  },
]

testMatrix('the same main.cf at Postfix and here: routing', matrixMissing, scenarios)
