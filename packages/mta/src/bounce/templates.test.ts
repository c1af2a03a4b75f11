import assert from 'node:assert/strict'
import { test } from 'node:test'
import { scriptedPeer } from '../../../smtp/src/client/scripted-peer-fixture.ts'
import { QueueBench } from '../queue/queue-fixture.ts'
import { BounceTemplateError, parseBounceTemplates, templateAt } from './templates.ts'

const file = `# as bounce(5) has them
failure_template = <<EOF
Charset: utf-8
From: "Post von $myhostname" <postmaster>
Subject: Nicht zustellbar – Ihre Nachricht
Postmaster-Subject: Kopie: nicht zustellbar

Dies ist das Mailsystem von $myhostname.

Ihre Nachricht konnte nicht übermittelt werden.
EOF

delay_template = <<END
From: MAILER-DAEMON (Mail Delivery System)
Subject: late by $delay_warning_time_hours h

Still trying.
END
`
const expand = (text: string): string =>
  text.replaceAll('$myhostname', 'us.test').replaceAll('$delay_warning_time_hours', '4')

test('Postfix: bounce(5), templates with macros', () => {
  const { failure, delay, success } = parseBounceTemplates(file, expand)
  assert.equal(failure?.from, '"Post von us.test" <postmaster>')
  assert.equal(failure?.postmasterSubject, 'Kopie: nicht zustellbar')
  assert.deepEqual(failure?.text, [
    'Dies ist das Mailsystem von us.test.',
    '',
    'Ihre Nachricht konnte nicht übermittelt werden.',
  ])
  assert.equal(delay?.subject, 'late by 4 h')
  assert.equal(delay?.postmasterSubject, 'Postmaster Copy: late by 4 h')
  assert.equal(success, undefined)
})

test('Postfix: the sender of a template gets our domain where it names none', () => {
  for (const [from, expected] of [
    ['MAILER-DAEMON (Mail Delivery System)', 'MAILER-DAEMON@us.test (Mail Delivery System)'],
    ['Zustellung für alle <MAILER-DAEMON>', 'Zustellung für alle <MAILER-DAEMON@us.test>'],
    ['postmaster@far.test', 'postmaster@far.test'],
    ['', ''],
  ]) {
    const { failure } = parseBounceTemplates(`failure_template = <<EOF\nFrom: ${from}\n\nx\nEOF\n`, expand)
    assert.ok(failure)
    assert.equal(templateAt('us.test', failure).from, expected)
  }
})

test('bounce(5): what cannot be meant is told with its line', () => {
  for (const [text, line, expect] of [
    ['failure_template = <<EOF\nSubject: x\n\ntext\n', 1, /has no end: no line "EOF"/],
    ['\nwarning_template = <<EOF\nEOF\n', 2, /expected "failure_template/],
    [
      'failure_template = <<EOF\nSubject: x\nX-Own: y\n\nEOF\n',
      3,
      /not a header field of a template: "X-Own/,
    ],
  ] as const) {
    assert.throws(
      () => parseBounceTemplates(text, expand),
      (error: Error) =>
        error instanceof BounceTemplateError && error.line === line && expect.test(error.message),
    )
  }
})

test('bounce_template_file and notify_classes: the report in its own words, a copy for postmaster', async (t) => {
  const peer = await scriptedPeer({ 'RCPT TO:<bad@far.test>': '550 5.1.1 no such user' })
  t.after(() => peer.close())
  const bench = await QueueBench.open(t, {
    options: { templates: parseBounceTemplates(file, expand), bounceCopyRecipient: 'postmaster' },
  })
  bench.runner.start()
  const content = 'Subject: secret\r\n\r\nthe text itself\r\n'
  await bench.accept([bench.recipient('bad@far.test', { nextHop: `[127.0.0.1]:${peer.port}` })], { content })
  await bench.until('both', async () => (await bench.inbox()).length === 2)
  const [report = '', copy = ''] = await bench.inbox()
  assert.match(report, /^From: "Post von us\.test" <postmaster@us\.test>\r$/m)
  assert.match(report, /^Subject: Nicht zustellbar =\?utf-8\?/im)
  assert.match(report, /Content-Type: text\/plain; charset=utf-8/)
  assert.match(report, /konnte nicht übermittelt werden\.\r\n\r\n<bad@far\.test>: /)
  assert.match(report, /the text itself/)
  assert.match(copy, /^Subject: Kopie: nicht zustellbar\r$/m)
  assert.match(copy, /^To: postmaster@us\.test\r$/m)
  assert.doesNotMatch(copy, /the text itself/)
  await bench.until('told', () => bench.logged('bounce').length === 2)
  assert.deepEqual(bench.logged('bounce'), [
    'bounce: ID: sender non-delivery notification: ID',
    'bounce: ID: postmaster copy: ID',
  ])
})
