/** XCLIENT and XFORWARD at Postfix and here: replies, access control, what is passed on. Postfix: XCLIENT_README, XFORWARD_README. */
import { after } from 'node:test'
import { standInFilter } from '../clients/stand-in-filter.ts'
import { elsewhere, from, hello, message, ours } from './matrix-dialogue.ts'
import { matrixMissing, type Scenario } from './matrix-peers.ts'
import { testMatrix } from './matrix-test.ts'

const proxies = ['smtpd_authorized_xclient_hosts = 127.0.0.1', 'smtpd_authorized_xforward_hosts = 127.0.0.1']

const filterAnswers: Readonly<Record<string, string>> = {
  'RCPT TO:<bin@example.org>': '450 4.2.1 not now',
  'MAIL FROM:<bad@example.net>': '550 5.7.1 not you',
  'RCPT TO:<games@example.org>': '250 2.1.5 taken',
}
const filter = await standInFilter({
  answer: (line) => filterAnswers[line],
  judge: (message) => (message.includes('EICAR') ? '554 5.7.0 Reject, id=1 - INFECTED' : '250 2.0.0 kept'),
})
after(filter.close)
const proxied: Pick<Scenario, 'mainCf' | 'sessions'> = {
  mainCf: [`smtpd_proxy_filter = 127.0.0.1:${filter.port}`],
  sessions: [
    [
      hello,
      from,
      'RCPT TO:<nobody-here@example.org>',
      ours,
      'RCPT TO:<games@example.org>',
      'DATA',
      message('clean'),
    ],
    [hello, from, ours, 'DATA', message('EICAR'), from, ours, 'RSET', from, ours, 'DATA', message('again')],
    [hello, from, 'RCPT TO:<bin@example.org>', 'DATA', ours, 'DATA', message('one of two')],
    [hello, 'MAIL FROM:<bad@example.net>', ours, 'RSET', from, ours],
  ],
}

const scenarios: readonly Scenario[] = [
  {
    name: 'XCLIENT, XFORWARD: nobody may who is not named',
    sessions: [
      [hello, 'XCLIENT ADDR=192.0.2.7', 'XFORWARD ADDR=192.0.2.7', 'XCLIENT', 'XFORWARD'],
      [hello, from, 'XCLIENT ADDR=192.0.2.7', 'XFORWARD ADDR=192.0.2.7'],
    ],
  },
  {
    name: 'XCLIENT: syntax',
    mainCf: proxies,
    sessions: [
      [hello, 'XCLIENT', 'XCLIENT FOO=1', 'XCLIENT ADDR', 'XCLIENT ADDR=x', 'XCLIENT ADDR=+zz'],
      [hello, 'XCLIENT NAME=-bad-', 'XCLIENT NAME=1.2.3.4', 'XCLIENT PORT=x'],
      [hello, 'XCLIENT PROTO=LMTP', 'XCLIENT ADDR=IPV6:192.0.2.1', 'XCLIENT ADDR=2001:db8::1', 'QUIT'],
      [hello, 'XCLIENT DESTADDR=x', 'XCLIENT DESTPORT=x', 'XCLIENT REVERSE_NAME=a..b'],
      [hello, from, 'XCLIENT ADDR=192.0.2.7', 'RSET', 'xclient addr=192.0.2.7', hello],
    ],
  },
  {
    name: 'XCLIENT: the session is another client’s, and begins anew',
    mainCf: [
      ...proxies,
      'smtpd_client_restrictions = check_client_access inline:{ {192.0.2.66=REJECT go away} {bad.example=REJECT bad name} }',
      'smtpd_helo_required = yes',
    ],
    sessions: [
      [
        hello,
        from,
        elsewhere,
        'RSET',
        'XCLIENT ADDR=192.0.2.7 NAME=relay.example',
        from,
        hello,
        from,
        elsewhere,
      ],
      [hello, 'XCLIENT ADDR=198.51.100.1 NAME=[UNAVAILABLE]', hello, from, elsewhere, ours],
      [hello, 'XCLIENT ADDR=192.0.2.66 NAME=[TEMPUNAVAIL]', hello, from, ours],
      [hello, 'XCLIENT ADDR=198.51.100.1 NAME=bad.example', hello, from, ours],
      [hello, 'XCLIENT ADDR=192.0.2.7 HELO=told.example PROTO=ESMTP', from, elsewhere],
      [hello, 'XCLIENT ADDR=192.0.2.7', 'XCLIENT ADDR=198.51.100.1', hello, from, elsewhere],
    ],
  },
  {
    name: 'XCLIENT: names that are not there, or not yet',
    mainCf: [
      ...proxies,
      'smtpd_recipient_restrictions = reject_unknown_reverse_client_hostname, reject_unknown_client_hostname, permit',
    ],
    sessions: [
      [hello, 'XCLIENT ADDR=198.51.100.1 NAME=[UNAVAILABLE] REVERSE_NAME=[UNAVAILABLE]', hello, from, ours],
      [hello, 'XCLIENT ADDR=198.51.100.1 NAME=[TEMPUNAVAIL] REVERSE_NAME=[TEMPUNAVAIL]', hello, from, ours],
      [hello, 'XCLIENT ADDR=198.51.100.1 NAME=[UNAVAILABLE] REVERSE_NAME=a.example', hello, from, ours],
      [hello, 'XCLIENT ADDR=198.51.100.1 NAME=a.example REVERSE_NAME=a.example', hello, from, ours],
    ],
  },
  {
    name: 'XCLIENT: a refusal is said at once without smtpd_delay_reject',
    mainCf: [
      ...proxies,
      'smtpd_delay_reject = no',
      'smtpd_client_restrictions = check_client_access inline:{ {192.0.2.66=REJECT go away} }',
    ],
    sessions: [[hello, 'XCLIENT ADDR=192.0.2.66']],
  },
  {
    name: 'XFORWARD: syntax',
    mainCf: proxies,
    sessions: [
      [hello, 'XFORWARD', 'XFORWARD FOO=1', 'XFORWARD ADDR', 'XFORWARD ADDR=x', 'XFORWARD ADDR=+zz'],
      [hello, 'XFORWARD NAME=-bad-', 'XFORWARD PORT=x', 'XFORWARD SOURCE=HERE', 'XFORWARD PROTO=LMTP'],
      [hello, 'XFORWARD HELO=a<b>', 'XFORWARD IDENT=1A2B SOURCE=LOCAL', 'xforward name=[unavailable]'],
      [hello, from, 'XFORWARD ADDR=192.0.2.7'],
    ],
  },
  {
    name: 'XFORWARD: access control is about the filter',
    mainCf: [
      ...proxies,
      'smtpd_client_restrictions = check_client_access inline:{ {192.0.2.66=REJECT go away} }',
    ],
    sessions: [
      [
        hello,
        'XFORWARD ADDR=192.0.2.66 NAME=first.example PORT=4000',
        'XFORWARD PROTO=SMTP HELO=first IDENT=ABC SOURCE=REMOTE',
        from,
        elsewhere,
        ours,
        'DATA',
        message('forwarded'),
      ],
    ],
    outcome: ['mailbox daemon: forwarded'],
  },
  { name: 'smtpd_proxy_filter: the answers of the filter', ...proxied },
  {
    name: 'smtpd_proxy_filter: speed_adjust',
    mainCf: [`smtpd_proxy_filter = 127.0.0.1:${filter.port}`, 'smtpd_proxy_options = speed_adjust'],
    sessions: [
      [
        hello,
        from,
        ours,
        'RCPT TO:<games@example.org>',
        'DATA',
        message('clean'),
        from,
        ours,
        'DATA',
        message('EICAR'),
      ],
      [hello, from, ours, 'RCPT TO:<bin@example.org>', 'DATA', message('not now')],
      [hello, 'MAIL FROM:<bad@example.net>', ours, 'DATA', message('not you')],
    ],
  },
  {
    name: 'smtpd_proxy_filter: there is none',
    mainCf: ['smtpd_proxy_filter = 127.0.0.1:1', 'notify_classes ='],
    sessions: [[hello, from, ours, 'DATA']],
  },
]

testMatrix('XCLIENT and XFORWARD', matrixMissing, scenarios)
