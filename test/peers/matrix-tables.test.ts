/** Tables that another program keeps, and tables that fail, at Postfix and here. */
import { createServer } from 'node:net'
import { after } from 'node:test'
import { from, hello, message, ours, trusted } from './matrix-dialogue.ts'
import { matrixMissing, type Scenario } from './matrix-peers.ts'
import { testMatrix } from './matrix-test.ts'

const rows: Readonly<Record<string, string>> = {
  'spammer@example.net': '200 REJECT%20go%20away',
  'odd@example.net': '400 database%20down',
  'daemon@example.org': '200 550%205.7.1%20closed%20today',
  'info@virtual.example': '200 daemon@example.org',
  'virtual.example': '200 yes',
  'broken@virtual.example': '400 down',
  'old@example.org': '200 games@example.org',
  'me@example.net': '200 known@example.net',
  'they@example.com': '200 x@example.com',
  'watched@example.com': '200 sys@example.org',
}

const sockets = new Set<{ destroy(): void }>()
const service = createServer((socket) => {
  sockets.add(socket)
  socket.on('error', () => {})
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1')
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n')) {
      const key = /^get (.*)$/.exec(text.slice(0, end))?.[1] ?? ''
      text = text.slice(end + 1)
      socket.write(`${rows[key] ?? '500 not%20found'}\n`)
    }
  })
})
if (matrixMissing === false) await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve))
after(() => {
  for (const socket of sockets) socket.destroy()
  service.close()
})
const bound = service.address()
const tcp = `tcp:127.0.0.1:${typeof bound === 'object' && bound !== null ? bound.port : 1}`

const sentBy = (sender: string, ...recipients: readonly string[]): readonly string[] => [
  hello,
  `MAIL FROM:<${sender}>`,
  ...recipients.map((recipient) => `RCPT TO:<${recipient}>`),
  'DATA',
]

const scenarios: readonly Scenario[] = [
  {
    name: 'C15: tcp_table(5) in access tables',
    mainCf: [
      `smtpd_recipient_restrictions = reject_unauth_destination, check_sender_access ${tcp}, check_recipient_access proxy:${tcp}`,
    ],
    sessions: [
      [hello, 'MAIL FROM:<spammer@example.net>', ours],
      [hello, 'MAIL FROM:<odd@example.net>', ours],
      [hello, from, ours, 'RCPT TO:<bin@example.org>'],
    ],
  },
  {
    name: 'C15: tcp_table(5) in virtual_alias_maps',
    mainCf: [`virtual_alias_maps = ${tcp}`],
    sessions: [
      [hello, from, 'RCPT TO:<info@virtual.example>', 'RCPT TO:<nobody@virtual.example>'],
      [hello, from, 'RCPT TO:<broken@virtual.example>'],
    ],
  },
  {
    name: 'C15: tcp_table(5) in canonical_maps and recipient_bcc_maps',
    mainCf: [trusted, `canonical_maps = ${tcp}`, `recipient_bcc_maps = ${tcp}`],
    sessions: [
      [...sentBy('me@example.net', 'old@example.org', 'they@example.com'), message('canonical'), 'QUIT'],
      [...sentBy('a@example.net', 'watched@example.com'), message('copied'), 'QUIT'],
    ],
    outcome: [
      'mailbox games: canonical',
      'sent from=<known@example.net> to=<x@example.com>: canonical',
      'mailbox sys: copied',
    ],
  },
  {
    name: 'C15: tcp_table(5) in smtp_generic_maps',
    mainCf: [trusted, `smtp_generic_maps = ${tcp}`],
    sessions: [[...sentBy('me@example.net', 'they@example.com'), message('generic'), 'QUIT']],
    outcome: ['sent from=<known@example.net> to=<x@example.com>: generic'],
  },
  {
    name: 'C15: tcp_table(5) in canonical_maps without an answer',
    mainCf: [trusted, 'notify_classes =', `sender_canonical_maps = ${tcp}`],
    sessions: [[...sentBy('odd@example.net', 'daemon@example.org'), message('odd'), 'QUIT']],
  },
  {
    name: 'C15: tables that fail',
    mainCf: ['smtpd_sender_restrictions = check_sender_access fail:senders'],
    sessions: [[hello, from, ours]],
  },
  {
    name: 'C15: a table of HELO names that fails',
    mainCf: ['smtpd_helo_restrictions = check_helo_access fail:names'],
    sessions: [[hello, from, ours]],
  },
  {
    name: 'C15: virtual_alias_maps that fail',
    mainCf: ['virtual_alias_maps = fail:aliases'],
    sessions: [[hello, from, ours, 'RCPT TO:<x@example.com>']],
  },
  {
    name: 'C15: relay_recipient_maps that fail',
    mainCf: ['relay_domains = branch.example', 'relay_recipient_maps = fail:branch'],
    sessions: [[hello, from, 'RCPT TO:<x@branch.example>']],
  },
  {
    name: 'C15: transport_maps that fail',
    mainCf: ['transport_maps = fail:transport'],
    sessions: [[hello, from, ours]],
  },
]

testMatrix('the same main.cf at Postfix and here: tables of others', matrixMissing, scenarios)
