import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withPeer } from './peer-fixture.ts'

const minute = 60_000
const day = 86_400_000

test('4yz: tried again after 5 minutes, then as long as it has waited, at most maximal_backoff_time', async (t) => {
  const { bench, to } = await withPeer(t, { 'RCPT TO:<x@far.test>': '450 4.2.0 Greylisted' })
  const id = await bench.accept([to('x@far.test')])
  const waits: number[] = []
  for (let i = 0; i < 6; i++) {
    await bench.after(0)
    const due = (await bench.store.queue.nextDueMs()) ?? 0
    waits.push(due - bench.nowMs)
    bench.nowMs = due
  }
  assert.deepEqual(
    waits.map((ms) => ms / 1000),
    [300, 300, 600, 1200, 2400, 4000],
  )
  const entry = await bench.store.queue.get(id)
  assert.equal(
    entry?.recipients[0]?.last?.diagnostic,
    'host 127.0.0.1[127.0.0.1] said: 450 4.2.0 Greylisted (in reply to RCPT TO command)',
  )
  assert.equal(entry?.recipients[0]?.attempts, 0)
  assert.match(
    bench.logged('smtp')[0] ?? '',
    /dsn=4\.2\.0, status=deferred \(host 127\.0\.0\.1\[127\.0\.0\.1\] said: 450 4\.2\.0 Greylisted \(in reply to RCPT TO command\)\)$/,
  )
})

test('RFC 3464: 5yz comes back at once; the good recipient is not sent to again', async (t) => {
  const { peer, bench, to } = await withPeer(t, { 'RCPT TO:<bad@far.test>': '550 5.1.1 no such user' })
  await bench.accept([to('good@far.test'), to('bad@far.test')])
  await bench.until('bounce', async () => (await bench.inbox()).length === 1)
  await bench.until('told', () => bench.logged('bounce').length > 0)
  await bench.quiet()
  const [report = ''] = await bench.inbox()
  assert.match(report, /Content-Type: multipart\/report; report-type=delivery-status/i)
  assert.match(report, /Final-Recipient: rfc822; ?bad@far\.test/)
  assert.match(report, /Diagnostic-Code: smtp; ?550 5\.1\.1 no such user/)
  assert.doesNotMatch(report, /good@far\.test/)
  assert.equal(peer.received.join('').split('RCPT TO:<good').length, 2)
  assert.equal(await bench.store.queue.count(), 0)
  assert.deepEqual(bench.logged('bounce'), ['bounce: ID: sender non-delivery notification: ID'])
  const made = bench.lines.filter((line) => !line.includes('far.test') && !line.includes('bounce'))
  assert.deepEqual(
    made.map((line) => line.replace(/[0-9A-F]{9,}|<2.*>|size=\d+|delay=.*, dsn/g, '…')),
    [
      'qmgr: …: removed',
      'cleanup: …: message-id=…',
      'qmgr: …: from=<>, …, nrcpt=1 (queue active)',
      'local: …: to=<local@us.test>, relay=local, …=2.0.0, status=sent (delivered to mailbox)',
      'qmgr: …: removed',
    ],
  )
})

test('one report for all that failed of a message, wherever it went; who is late is not in it', async (t) => {
  const { bench, to } = await withPeer(t, {
    'RCPT TO:<bad@far.test>': '550 5.1.1 no such user',
    'RCPT TO:<late@far.test>': '450 4.2.0 later',
  })
  const id = await bench.accept([
    bench.recipient('a@x.test', { transport: 'error', nextHop: '5.1.1 unknown user: "a"' }),
    bench.recipient('b@x.test', { transport: 'error', nextHop: '5.1.1 unknown user: "b"' }),
    to('bad@far.test'),
    to('late@far.test'),
    to('good@far.test'),
  ])
  await bench.until('the report', async () => (await bench.inbox()).length === 1)
  await bench.quiet()
  const reports = await bench.inbox()
  assert.equal(reports.length, 1)
  const named = [...(reports[0] ?? '').matchAll(/^Final-Recipient: rfc822; (\S+)\r$/gm)].map(
    (match) => match[1],
  )
  assert.deepEqual(named.toSorted(), ['a@x.test', 'b@x.test', 'bad@far.test'])
  const left = await bench.store.queue.get(id)
  assert.deepEqual(
    left?.recipients.map(({ address, state }) => `${address} ${state}`),
    ['late@far.test queued'],
  )
})

test('delay_warning_time: one warning for all that are late', async (t) => {
  const options = { delayWarningMs: minute }
  const { bench } = await withPeer(t, {}, { options })
  const waiting = (address: string, text: string) =>
    bench.recipient(address, { transport: 'retry', nextHop: text })
  await bench.accept([waiting('a@x.test', '4.2.1 not yet'), waiting('b@y.test', '4.2.2 nor here')])
  await bench.quiet()
  await bench.after(6 * minute)
  await bench.after(10 * minute)
  const reports = await bench.inbox()
  assert.equal(reports.length, 1)
  assert.match(reports[0] ?? '', /a@x\.test>: not yet[\s\S]*b@y\.test>: nor here/)
})

test('a sender whom nobody knows: postmaster sees the report that was for him', async (t) => {
  const { bench, to } = await withPeer(t, { 'RCPT TO:<bad@far.test>': '550 5.1.1 no such user' })
  await bench.accept([to('bad@far.test')], { sender: 'gone@us.test' })
  await bench.until('notice', async () => (await bench.inbox()).length === 1)
  await bench.quiet()
  const [notice = ''] = await bench.inbox()
  assert.match(notice, /^Received: by us\.test \(Posthorn\)\r\n\tid [0-9A-F]+; /)
  assert.match(
    notice,
    /^Subject: Postmaster Copy: Undelivered Mail\r\nTo: postmaster@us\.test\r\nAuto-Submitted: auto-generated\r$/m,
  )
  assert.match(notice, /\r\n\r\n<gone@us\.test>: unknown user\r\n/)
  assert.match(notice, /X-Posthorn-Sender: rfc822; MAILER-DAEMON@us\.test/)
  assert.match(
    notice,
    /Return-Path: <>\r\nReceived: by us\.test[\s\S]*Subject: Undelivered Mail Returned to Sender[\s\S]*bad@far\.test/,
  )
  assert.deepEqual(bench.logged('bounce'), [
    'bounce: ID: sender non-delivery notification: ID',
    'bounce: ID: postmaster non-delivery notification: ID',
  ])
})

test('maximal_queue_lifetime: the last attempt is at its end, then the sender hears of it', async (t) => {
  const { bench, to } = await withPeer(t, { MAIL: '451 4.3.0 later' })
  await bench.accept([to('x@far.test')])
  await bench.quiet()
  await bench.after(5 * day - minute)
  assert.deepEqual(await bench.inbox(), [])
  await bench.after(6 * minute)
  const [report = ''] = await bench.inbox()
  assert.match(report, /Action: failed/)
  assert.match(report, /Status: [45]\.3\.0/)
  assert.ok(
    bench.lines.some((line) => line.endsWith('from=<local@us.test>, status=expired, returned to sender')),
  )
  assert.equal(await bench.store.queue.count(), 0)
})

test('delay_warning_time: one warning, and delivery goes on', async (t) => {
  const { bench, to } = await withPeer(
    t,
    { MAIL: '451 4.3.0 later' },
    { options: { delayWarningMs: 240 * minute } },
  )
  await bench.accept([to('x@far.test')])
  await bench.after(0)
  assert.deepEqual(await bench.inbox(), [])
  for (let i = 0; i < 4; i++) await bench.after(150 * minute)
  const reports = await bench.inbox()
  assert.equal(reports.length, 1)
  assert.match(reports[0] ?? '', /Action: delayed/)
  assert.equal(await bench.store.queue.count(), 1)
})

test('Postfix: sendmail -v: that the first attempt came to nothing yet is told, once', async (t) => {
  const { bench, to } = await withPeer(t, { MAIL: '451 4.3.0 later' })
  const asked = { ...to('x@far.test'), notify: ['SUCCESS', 'FAILURE', 'DELAY'] as const }
  await bench.accept([asked], { options: { trace: 'first-attempt' } })
  await bench.until('report', async () => (await bench.inbox()).length === 1)
  for (let i = 0; i < 2; i++) await bench.after(150 * minute)
  const reports = await bench.inbox()
  assert.equal(reports.length, 1)
  assert.match(reports[0] ?? '', /Action: delayed/)
})

test('RFC 3461 §4.1: NOTIFY decides who hears what', async (t) => {
  const { bench, to } = await withPeer(t, {
    'RCPT TO:<never@far.test>': '550 5.1.1 no',
    'RCPT TO:<delay@far.test>': '550 5.1.1 no',
  })
  await bench.accept([
    { ...to('never@far.test'), notify: ['NEVER'] },
    { ...to('delay@far.test'), notify: ['DELAY'] },
    { ...to('good@far.test'), notify: ['SUCCESS'] },
  ])
  await bench.until('report', async () => (await bench.inbox()).length === 1)
  await bench.quiet()
  const reports = await bench.inbox()
  assert.equal(reports.length, 1)
  assert.match(reports[0] ?? '', /Action: relayed/)
  assert.match(reports[0] ?? '', /good@far\.test/)
  assert.doesNotMatch(reports[0] ?? '', /Final-Recipient: .*(never|delay)@/)
})

test('RFC 5321 §4.5.5: no report to the null sender; postmaster hears once, and nobody of that', async (t) => {
  const { bench, to } = await withPeer(t, { MAIL: '550 5.7.1 no' })
  await bench.accept([to('x@far.test')], { sender: '' })
  await bench.until('notice', async () => (await bench.inbox()).length === 1)
  await bench.until('told', () => bench.logged('bounce').length > 0)
  assert.deepEqual(bench.logged('bounce'), ['bounce: ID: postmaster non-delivery notification: ID'])
  await bench.accept([to('x@far.test')], { sender: 'double-bounce@us.test' })
  await bench.until('gone', async () => (await bench.store.queue.count()) === 0)
  await bench.accept([to('x@far.test')], { sender: 'unknown@us.test' })
  await bench.until('second notice', async () => (await bench.inbox()).length === 2)
  await bench.quiet()
  assert.equal((await bench.inbox()).length, 2)
})

test('a bounce to a sender elsewhere is mail of the null sender in the same queue', async (t) => {
  const { peer, bench, to } = await withPeer(t, { 'RCPT TO:<bad@far.test>': '550 5.1.1 no' })
  bench.resolve = async ({ address }) => ({ kind: 'to', recipients: [to(address)] })
  await bench.accept([to('bad@far.test')], { sender: 'author@far.test' })
  await bench.until('bounced', () => peer.received.join('').includes('RCPT TO:<author@far.test>'))
  await bench.until('gone', async () => (await bench.store.queue.count()) === 0)
  assert.match(peer.received.join(''), /MAIL FROM:<> [^\r]*\r\nRCPT TO:<author@far\.test>/)
})
