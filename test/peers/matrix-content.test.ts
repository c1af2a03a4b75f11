/** The same header and body checks, and what is returned to senders, at Postfix and here. */
import assert from 'node:assert/strict'
import { hello, trusted } from './matrix-dialogue.ts'
import { type Matrix, matrixMissing, type Say, type Scenario } from './matrix-peers.ts'
import { testMatrix } from './matrix-test.ts'

const message = (recipient: string, text: string): readonly Say[] => [
  hello,
  'MAIL FROM:<a@example.net>',
  `RCPT TO:<${recipient}>`,
  'DATA',
  { message: text },
]

const checks: Scenario = {
  name: 'P19: header_checks and body_checks: every action',
  mainCf: [
    'header_checks = regexp:FOLDER/header',
    'body_checks = regexp:FOLDER/body',
    'mime_header_checks = regexp:FOLDER/mime',
  ],
  files: {
    header: `/^Subject:.*viagra/ REJECT no pills
/^Subject: later/ DEFER come again
/^Subject: plain/ REJECT
/^Subject: coded/ REJECT 5.7.7 coded
/^Subject: warned/ WARN seen
/^Subject: dropped/ DISCARD away
/^X-Old: (.*)/ REPLACE X-New: $1
/^X-Secret:/ IGNORE
/^Subject: tagged/ PREPEND X-Tag: yes
/^Subject: other/ REDIRECT bin@example.org
if /^List-/
/^List-Id: bad/ REJECT bad list
endif
`,
    body: '/make money/ REJECT no money\n/^secret$/ IGNORE\n/^old line$/ REPLACE new line\n',
    mime: '/name=.*\\.exe/ REJECT no programs\n',
  },
  sessions: [
    message('daemon@example.org', 'Subject: cheap VIAGRA\n\nx'),
    message('daemon@example.org', 'Subject: plain\n\nx'),
    message('daemon@example.org', 'Subject: coded\n\nx'),
    message('daemon@example.org', 'Subject: warned\n\nx'),
    message('daemon@example.org', 'Subject: dropped\n\nx'),
    message('daemon@example.org', 'Subject: other\n\nx'),
    message('daemon@example.org', 'List-Id: bad\nSubject: list\n\nx'),
    message('daemon@example.org', 'Subject: money\n\nyou can make money fast'),
    message(
      'daemon@example.org',
      'Subject: program\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: application/x; name="a.exe"\n\nx\n--b--',
    ),
    message('daemon@example.org', 'Subject: clean\n\nx'),
  ],
  outcome: ['mailbox daemon: warned', 'mailbox bin: other', 'mailbox daemon: clean'],
}

const rewritten: Scenario = {
  name: 'P19: what REPLACE, IGNORE and PREPEND leave of a message that goes on',
  mainCf: [trusted, ...(checks.mainCf ?? [])],
  files: checks.files ?? {},
  sessions: [
    message(
      'x@example.com',
      'X-Old: value\nX-Secret: no\nSubject: tagged\nTo: x@example.com\n\nfirst\nsecret\nold line\nlast',
    ),
  ],
  outcome: ['sent from=<a@example.net> to=<x@example.com>: tagged'],
}

const bounced: Scenario = {
  name: 'a bounce goes to the sender, in the words of RFC 3464',
  mainCf: [trusted],
  sessions: [
    message('refused@example.com', 'From: a@example.net\nSubject: never\nMessage-ID: <m@example.net>\n\nx'),
  ],
  outcome: ['sent from=<> to=<a@example.net>: Undelivered Mail Returned to Sender'],
}

/** Header of the main part, unfolded, without what differs from machine to machine. */
const headerOf = (text: string): readonly string[] =>
  (text.split(/\r\n\r\n/, 1)[0] ?? '')
    .replaceAll(/\r\n[ \t]+/g, ' ')
    .split('\r\n')
    .filter((line) => !/^(?:Received|Message-Id|Date|From):/i.test(line))

/** The fields of message/delivery-status. Original-Recipient is given here only where the sender named one (RFC 3464 §2.3.1). */
const reportOf = (text: string): readonly string[] =>
  (/Content-Type: message\/delivery-status\r\n([\s\S]*?)\r\n--/.exec(text)?.[1] ?? '')
    .replaceAll(/\r\n[ \t]+/g, ' ')
    .split('\r\n')
    .filter((line) =>
      /^(?:Reporting-MTA|Final-Recipient|Action|Status|Remote-MTA|Diagnostic-Code):/.test(line),
    )

const wide = 'caf\xe9'
const parts = (encoding: string): string =>
  `Subject: parts ${encoding}\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\nContent-Transfer-Encoding: ${encoding}\n\n${wide}\n--b--`
const eightBit = (parameter: string, outcome: readonly string[]): Scenario => ({
  name: `octets beyond ASCII: ${parameter} = yes`,
  mainCf: [`${parameter} = yes`],
  sessions: [
    message('daemon@example.org', `Subject: header ${wide}\n\nx`),
    message('daemon@example.org', `Subject: text\n\n${wide}`),
    ...['7bit', '8bit', 'Quoted-Printable', 'unknown'].map((encoding) =>
      message('daemon@example.org', parts(encoding)),
    ),
    message(
      'daemon@example.org',
      `Subject: nested\nMIME-Version: 1.0\nContent-Type: message/rfc822\n\nSubject: ${wide}\n\nx`,
    ),
  ],
  outcome: outcome.map((subject) => `mailbox daemon: ${subject}`),
})

const types = [
  'multipart/mixed; boundary=b',
  'message/rfc822',
  'message/partial',
  'message/external-body',
  'message/delivery-status',
  'text/plain',
]
const encodings = ['base64', 'Quoted-Printable', 'unknown', '8bit', 'binary', '7bit']
const forbidden = (type: string): readonly string[] =>
  /^multipart|rfc822/.test(type)
    ? ['base64', 'Quoted-Printable']
    : /partial|external/.test(type)
      ? ['8bit', 'binary']
      : []
const encodedParts: Scenario = {
  name: 'multiparts and enclosed messages that are encoded: strict_mime_encoding_domain = yes',
  mainCf: ['strict_mime_encoding_domain = yes'],
  sessions: types.flatMap((type) =>
    encodings.map((encoding) =>
      message(
        'daemon@example.org',
        `Subject: ${type} ${encoding}\nMIME-Version: 1.0\nContent-Type: ${type}\nContent-Transfer-Encoding: ${encoding}\n\nx`,
      ),
    ),
  ),
  outcome: types.flatMap((type) =>
    encodings
      .filter((encoding) => !forbidden(type).includes(encoding))
      .map((encoding) => `mailbox daemon: ${type} ${encoding}`),
  ),
}

function compareSent({ sent }: Matrix, scenario: Scenario): void {
  if (scenario === rewritten) {
    const [ours = '', theirs = ''] = [sent.ours[0], sent.theirs[0]]
    assert.deepEqual(headerOf(ours), headerOf(theirs))
    assert.equal(ours.split('\r\n\r\n')[1], theirs.split('\r\n\r\n')[1])
  }
  if (scenario === bounced) {
    const [ours = '', theirs = ''] = [sent.ours[0], sent.theirs[0]]
    assert.deepEqual(reportOf(ours), reportOf(theirs))
    assert.ok(reportOf(ours).length >= 5, ours)
  }
}

testMatrix(
  'the same main.cf at Postfix and here: content',
  matrixMissing,
  [
    checks,
    rewritten,
    bounced,
    eightBit('strict_7bit_headers', [
      'text',
      'parts 7bit',
      'parts 8bit',
      'parts Quoted-Printable',
      'parts unknown',
    ]),
    eightBit('strict_8bitmime_body', ['parts 8bit', 'parts Quoted-Printable', 'nested', `header ${wide}`]),
    encodedParts,
    eightBit('strict_8bitmime', ['parts 8bit', 'parts Quoted-Printable']),
  ],
  compareSent,
)
