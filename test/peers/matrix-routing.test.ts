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
`,
    },
    sessions: [
      mail('info', 'info@virtual.example'),
      mail('sales', 'sales+eu@virtual.example'),
      mail('any', 'whoever@virtual.example'),
      mail('chain', 'chain@example.org'),
    ],
    outcome: [
      'mailbox daemon: info',
      'mailbox bin: info',
      'sent from=<a@example.net> to=<x+eu@example.com>: sales',
      'mailbox sys: any',
      'mailbox daemon: chain',
      'mailbox bin: chain',
    ],
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
