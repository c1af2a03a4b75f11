/** The same odd commands, filters of commands and answers of access tables at Postfix and here. */
import { from, hello, ours, trusted } from './matrix-dialogue.ts'
import { matrixMissing, type Scenario } from './matrix-peers.ts'
import { testMatrix } from './matrix-test.ts'

const scenarios: readonly Scenario[] = [
  {
    name: 'smtpd_command_filter, smtpd_noop_commands',
    mainCf: [
      'smtpd_noop_commands = frobnicate, GET',
      'smtpd_command_filter = pcre:FOLDER/commands',
      'smtpd_helo_restrictions = check_helo_access pcre:FOLDER/helo',
      'notify_classes =',
    ],
    files: {
      helo: '/^one.two$/ REJECT blank\n/^a/ REJECT odd\n',
      commands: `/^HELO\\s*$/ HELO unnamed
/^\\s*(\\S+) NOTIFY=SUCCESS$/ $1
/^(RCPT\\s+TO:\\s*<.*>.*)\\s+NOTIFY=\\S+(.*)/ $1 NOTIFY=NEVER$2
/^QUIT NOW/ NOOP
`,
    },
    sessions: [
      ['HELO', from, ours],
      [
        hello,
        'FROBNICATE now',
        'frobnicate',
        'GET / HTTP/1.0',
        from,
        `${ours} NOTIFY=SUCCESS`,
        'QUIT NOW',
        'NOOP',
      ],
      ['HELO one  two', from, ours],
      ['HELO a<b>(c)\\";:@d', from, ours],
    ],
  },
  {
    name: 'smtpd_discard_ehlo_keyword_address_maps',
    mainCf: [
      'smtpd_discard_ehlo_keywords = vrfy',
      'smtpd_discard_ehlo_keyword_address_maps = cidr:{{127.0.0.0/8 pipelining, Silent-Discard, dsn}}',
    ],
    sessions: [[hello, `${from} RET=HDRS`, from, `${ours} NOTIFY=NEVER`, 'VRFY daemon@example.org']],
  },
  {
    name: 'ORCPT of nobody',
    sessions: [[hello, from, `${ours} ORCPT=rfc822;`, `${ours} ORCPT=`, `${ours} ORCPT=;x`]],
  },
  {
    name: 'access(5): an answer that is a list; one that is empty',
    mainCf: [
      trusted,
      'notify_classes =',
      'smtpd_recipient_restrictions = check_recipient_access inline:{daemon@example.org=, {bin@example.org=reject_unknown_helo_hostname, OK}, {sys@example.org=permit_mynetworks, OK}, {games@example.org=reject_unauth_destination, OK}}, permit',
    ],
    sessions: [
      [hello, from, ours, ...['bin', 'sys', 'games'].map((name) => `RCPT TO:<${name}@example.org>`)],
    ],
  },
]

testMatrix('commands and answers of tables at Postfix and here', matrixMissing, scenarios)
