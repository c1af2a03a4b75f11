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
