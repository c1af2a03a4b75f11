/** What Postfix and Posthorn do with the header and the octets of the same mail on its way in. */
import assert from 'node:assert/strict'
import { hello, trusted } from './matrix-dialogue.ts'
import { type Matrix, matrixMissing, type Say, type Scenario } from './matrix-peers.ts'
import { testMatrix } from './matrix-test.ts'

const strangers = 'local_header_rewrite_clients ='
const ours = 'local_header_rewrite_clients = permit_mynetworks'

const mail = (text: string, recipient = 'x@example.com'): readonly Say[] => [
  hello,
  'MAIL FROM:<a@example.net>',
  `RCPT TO:<${recipient}>`,
  'DATA',
  { message: text },
]

const sent = (subject: string, to = 'x@example.com') => [`sent from=<a@example.net> to=<${to}>: ${subject}`]

const full =
  'Return-Path: <old@example.net>\nFrom: Ann <ann>\nTo: bob@host, x@example.com\nBcc: hidden@example.com\n' +
  'Content-Length: 3\nResent-Bcc: hidden\nSubject: full\nX-Other: 1\nMessage-ID: <1@example.net>\nDate: Mon, 2 Nov 2026 10:00:00 +0000\n\nbcc: body'
const bare = 'Subject: bare\nX-Other: 1\n\nx'

const scenarios: readonly Scenario[] = [
  {
    name: 'message_drop_headers: mail of strangers too loses Bcc, Return-Path, Content-Length',
    mainCf: [trusted, strangers],
    sessions: [mail(full)],
    outcome: sent('full'),
  },
  {
    name: 'message_drop_headers: others, and mail of our own',
    mainCf: [trusted, ours, 'message_drop_headers = x-other, Subject'],
    sessions: [mail(full)],
    outcome: sent(''),
  },
  {
    name: 'message_drop_headers: none',
    mainCf: [trusted, strangers, 'message_drop_headers ='],
    sessions: [mail(full)],
    outcome: sent('full'),
  },
  {
    name: 'remote_header_rewrite_domain: the header of strangers is completed',
    mainCf: [trusted, strangers, 'remote_header_rewrite_domain = domain.invalid'],
    sessions: [mail(full)],
    outcome: sent('full'),
  },
  {
    name: 'remote_header_rewrite_domain, append_dot_mydomain',
    mainCf: [
      trusted,
      strangers,
      'remote_header_rewrite_domain = domain.invalid',
      'append_dot_mydomain = yes',
      'canonical_maps = inline:{ann@domain.invalid=annie@example.org}',
    ],
    sessions: [mail(full)],
    outcome: sent('full'),
  },
  {
    name: 'always_add_missing_headers: what is there stays as it is',
    mainCf: [
      trusted,
      strangers,
      'always_add_missing_headers = yes',
      'undisclosed_recipients_header = To: undisclosed-recipients:;',
    ],
    sessions: [mail(bare), mail(full)],
    outcome: [...sent('bare'), ...sent('full')],
  },
  {
    name: 'undisclosed_recipients_header: own clients',
    mainCf: [trusted, ours, 'undisclosed_recipients_header = To: undisclosed-recipients:;'],
    sessions: [mail(bare), mail('Subject: copied\nCc: c@example.com\n\nx')],
    outcome: [...sent('bare'), ...sent('copied')],
  },
  {
    name: 'message_strip_characters',
    mainCf: [trusted, strangers, 'message_strip_characters = \\0\\a\\x'],
    sessions: [mail('Subject: st\0ripped\nX-Bell: a\u0007b\n\none\0two xyz\u0007\n')],
    outcome: sent('stripped'),
  },
  {
    name: 'message_reject_characters',
    mainCf: [trusted, strangers, 'message_reject_characters = \\0\\176'],
    sessions: [mail('Subject: fine\n\nx'), mail('Subject: wrong\n\none\0two'), mail('Subject: tilde\n\n~')],
    outcome: sent('fine'),
  },
  {
    name: 'allow_percent_hack = no, swap_bangpath = no: local parts like others',
    mainCf: [
      'allow_percent_hack = no',
      'swap_bangpath = no',
      'virtual_alias_maps = inline:{a%b@example.org=daemon, b!c@example.org=daemon, daemon@example.net=bin}',
    ],
    sessions: [
      mail('Subject: percent\n\nx', 'a%b@example.org'),
      mail('Subject: bang\n\nx', 'b!c@example.org'),
      mail('Subject: at\n\nx', 'daemon@example.org@example.org'),
      mail('Subject: nobody\n\nx', 'daemon%example.org@example.org'),
      mail('Subject: nobody\n\nx', 'example.org!daemon@example.org'),
    ],
    outcome: ['mailbox daemon: at'],
  },
  {
    name: 'allow_percent_hack, swap_bangpath: forms of an address for trusted clients',
    mainCf: [trusted],
    sessions: [
      mail('Subject: percent\n\nx', 'daemon%example.org@example.org'),
      mail('Subject: bang\n\nx', 'example.org!daemon@example.org'),
      mail('Subject: outwards\n\nx', 'x%example.com@example.org'),
      mail('Subject: empty percent\n\nx', 'daemon%@example.org'),
      mail('Subject: empty bang\n\nx', '!daemon@example.org'),
    ],
    outcome: ['mailbox daemon: bang', 'mailbox daemon: percent', ...sent('outwards')],
  },
  {
    name: 'allow_percent_hack = no, swap_bangpath = no: for trusted clients',
    mainCf: [
      trusted,
      'allow_percent_hack = no',
      'swap_bangpath = no',
      'virtual_alias_maps = inline:{a%b@example.org=daemon, b!c@example.org=daemon}',
    ],
    sessions: [
      mail('Subject: percent\n\nx', 'a%b@example.org'),
      mail('Subject: bang\n\nx', 'b!c@example.org'),
      mail('Subject: nobody\n\nx', 'daemon%example.org@example.org'),
    ],
    outcome: ['mailbox daemon: bang', 'mailbox daemon: percent'],
  },
  {
    name: 'resolve_null_domain = no: strangers',
    sessions: [
      mail('Subject: empty percent\n\nx', 'daemon%@example.org'),
      mail('Subject: empty bang\n\nx', '!daemon@example.org'),
    ],
    outcome: [],
  },
  {
    name: 'resolve_null_domain = yes',
    mainCf: [trusted, 'resolve_null_domain = yes'],
    sessions: [
      mail('Subject: empty percent\n\nx', 'daemon%@example.org'),
      mail('Subject: empty bang\n\nx', '!daemon@example.org'),
    ],
    outcome: ['mailbox daemon: empty bang', 'mailbox daemon: empty percent'],
  },
  {
    name: 'allow_untrusted_routing',
    mainCf: ['relay_domains = example.com', 'allow_untrusted_routing = yes'],
    sessions: [
      mail('Subject: through\n\nx', 'x%example.com@example.org'),
      mail('Subject: no\n\nx', 'x%example.net@example.org'),
    ],
    outcome: sent('through'),
  },
  {
    name: 'resolve_numeric_domain = no',
    mainCf: [trusted],
    sessions: [mail('Subject: one\n\nx', 'daemon@192.0.2.77')],
    outcome: [],
  },
]

/** Header unfolded, and the body, without what differs from machine to machine. */
function shown(text: string): readonly string[] {
  const [header = '', ...body] = text.split('\r\n\r\n')
  const fields = header
    .replaceAll(/\r\n[ \t]+/g, ' ')
    .split('\r\n')
    .map((line) =>
      line
        .replace(/^(Received|(?:Resent-)?Date): .*/, '$1')
        .replace(/^(Resent-)?Message-I[dD]: .*@mx.*/, '$1Message-ID'),
    )
  return [...fields.toSorted(), body.join('\n\n').trimEnd()]
}

testMatrix('the same main.cf at Postfix and here: headers', matrixMissing, scenarios, ({ sent }: Matrix) =>
  assert.deepEqual(sent.ours.map(shown), sent.theirs.map(shown)),
)
