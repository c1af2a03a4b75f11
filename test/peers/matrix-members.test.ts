/** Members of aliases and .forward files as people write them, and rules that stand in main.cf itself, at Postfix and here. */
import { elsewhere, from, hello, ours, trusted } from './matrix-dialogue.ts'
import { matrixMissing, type Say, type Scenario } from './matrix-peers.ts'
import { testMatrix } from './matrix-test.ts'

const bounced = 'sent from=<> to=<a@example.net>: Undelivered Mail Returned to Sender'

const mail = (subject: string, recipient: string): readonly Say[] => [
  hello,
  from,
  `RCPT TO:<${recipient}>`,
  'DATA',
  { message: `From: a@example.net\nTo: x@example.org\nSubject: ${subject}\n\nbody` },
]

const scenarios: readonly Scenario[] = [
  {
    name: 'A1, A3: aliases(5): blanks, groups, phrases and comments between members',
    files: {
      aliases: `blanks: bin sys
group: The Team: bin, sys;
phrases: Bin User <bin>, "Sys, The" <sys@example.org>
comments: bin (the bin), sys (nested (one))
`,
    },
    sessions: ['blanks', 'group', 'phrases', 'comments'].map((name) => mail(name, `${name}@example.org`)),
    outcome: ['blanks', 'group', 'phrases', 'comments'].flatMap((name) => [
      `mailbox bin: ${name}`,
      `mailbox sys: ${name}`,
    ]),
  },
  {
    name: 'A1: a list that cannot be read: who stands beside it has the mail, the sender hears of it',
    files: { aliases: 'absent: :include:FOLDER/nobody-wrote-it, bin\n' },
    sessions: [mail('absent', 'absent@example.org')],
    outcome: ['mailbox bin: absent', bounced],
  },
  {
    name: 'A6: .forward: several in a line, and what follows #',
    forward: {
      bin: 'x@example.com, y@example.com z@example.com\n<u@example.com>\n',
      sys: 'me: \\sys, x@example.com;\n',
    },
    sessions: [mail('bin', 'bin@example.org'), mail('sys', 'sys+ext@example.org')],
    outcome: [
      ...['x', 'y', 'z', 'u'].map((name) => `sent from=<a@example.net> to=<${name}@example.com>: bin`),
      'mailbox sys: sys',
      'sent from=<a@example.net> to=<x@example.com>: sys',
    ],
  },
  {
    name: 'C15: rules of pcre:, regexp: and cidr: in main.cf itself',
    mainCf: [
      'smtpd_client_restrictions = check_client_access cidr:{ {!127.0.0.0/8 REJECT far}, {127.0.0.2 REJECT near} }',
      'smtpd_sender_restrictions = check_sender_access pcre:{{/^a@/ REJECT no, a}, {/b@/ 450 4.7.1 later}}',
      'smtpd_recipient_restrictions = check_recipient_access regexp:{ {if /@example\\.org/} {/^bin@/ 450 closed} {endif} }',
    ],
    sessions: [
      [hello, from, ours],
      [hello, 'MAIL FROM:<B@example.net>', ours],
      [hello, 'MAIL FROM:<c@example.net>', ours, 'RCPT TO:<bin@example.org>', elsewhere],
    ],
  },
  {
    name: 'I6: mydestination has whole names',
    mainCf: ['mydestination = example.org, .sub.example.org, inline:{.table.example=x,table.example=y}'],
    sessions: [
      [
        hello,
        from,
        ours,
        'RCPT TO:<bin@a.sub.example.org>',
        'RCPT TO:<bin@table.example>',
        'RCPT TO:<bin@a.table.example>',
      ],
    ],
  },
  {
    name: 'I7: mynetworks = hash:…: whole addresses, not networks',
    mainCf: ['mynetworks = texthash:FOLDER/access'],
    files: { access: '127.0.0 OK\n127 OK\n' },
    sessions: [[hello, from, elsewhere]],
  },
  {
    name: 'I7: mynetworks = hash:…: an address in it is trusted, whatever is said of it',
    mainCf: ['mynetworks = texthash:FOLDER/access'],
    files: { access: '127.0.0.1 REJECT\n' },
    sessions: [[hello, from, elsewhere]],
  },
  {
    name: 'W9: virtual_maps, as old guides call it',
    mainCf: ['virtual_maps = texthash:FOLDER/virtual'],
    files: { virtual: 'virt.example anything\ninfo@virt.example daemon\n' },
    sessions: [[hello, from, 'RCPT TO:<info@virt.example>', 'RCPT TO:<other@virt.example>']],
  },
  {
    name: 'P6: reply codes of main.cf take their status with them',
    mainCf: [
      'non_fqdn_reject_code = 450',
      'invalid_hostname_reject_code = 450',
      'smtpd_helo_restrictions = reject_invalid_helo_hostname',
      'smtpd_sender_restrictions = reject_non_fqdn_sender',
      'smtpd_recipient_restrictions = reject_non_fqdn_recipient',
    ],
    sessions: [
      [hello, 'MAIL FROM:<a>', ours, 'RSET', from, 'RCPT TO:<daemon@x>'],
      ['HELO -x-', from, ours],
    ],
  },
  {
    name: 'S1: what looks like an option, what relays send unasked, reports that are not offered',
    mainCf: ['smtpd_discard_ehlo_keywords = dsn, silent-discard'],
    sessions: [
      [hello, 'MAIL FROM:<-f@example.net>', 'MAIL FROM:<a@example.net> AUTH=<>', 'RCPT TO:<-oQ@example.org>'],
      [
        hello,
        'MAIL FROM:<a@example.net> RET=HDRS',
        'MAIL FROM:<a@example.net> ENVID=1',
        from,
        'RCPT TO:<daemon@example.org> NOTIFY=NEVER',
        'RCPT TO:<daemon@example.org> ORCPT=rfc822;a',
      ],
    ],
  },
  {
    name: 'S1: allow_min_user = yes',
    mainCf: ['allow_min_user = yes'],
    sessions: [[hello, 'MAIL FROM:<-f@example.net>', 'RCPT TO:<-oQ@example.org>', ours]],
  },
  {
    name: 'S1: resolve_numeric_domain = yes',
    mainCf: ['resolve_numeric_domain = yes', trusted],
    sessions: [
      [
        hello,
        'MAIL FROM:<a@192.0.2.9>',
        'RCPT TO:<x@192.0.2.1>',
        'RCPT TO:<daemon@127.0.0.1>',
        'RCPT TO:<x@192.0.2>',
        'RCPT TO:<x@256.1.1.1>',
      ],
    ],
  },
  {
    name: 'S1: extensions that need quotes',
    mainCf: [trusted],
    sessions: [
      [
        hello,
        from,
        'RCPT TO:<bin+a..b@example.org>',
        'RCPT TO:<bin+.@example.org>',
        'RCPT TO:<"bin+x y"@example.org>',
      ],
    ],
  },
]

testMatrix('the same main.cf at Postfix and here: members and rules', matrixMissing, scenarios)
