import assert from 'node:assert/strict'
import { test } from 'node:test'
import { simpleParser } from 'mailparser'
import { composeBounce, composeDelayWarning, composeSuccess, type ReportInput } from './bounce.ts'
import type { DeliveryResult } from './delivery-result.ts'
import { findHeader, headerFields } from './header.ts'
import { locatePart } from './part-locator.ts'
import { scanMessage } from './scanner.ts'
import type { Part } from './structure.ts'

const failed: DeliveryResult = {
  action: 'failed',
  recipient: 'nobody@example.net',
  originalRecipient: 'rfc822;Alias+x@example.org',
  status: '5.1.1',
  diagnostic:
    'host mx.example.net[192.0.2.1] said: 550 5.1.1 <nobody@example.net>: User unknown (in reply to RCPT TO command)',
  diagnosticType: 'smtp',
  remoteMta: 'mx.example.net[192.0.2.1]:25',
  atMs: Date.UTC(2026, 10, 21, 12),
}
const input: ReportInput = {
  reportingMta: 'mail.example.org',
  queueId: 'A1B2C3',
  sender: 'alice@example.org',
  arrivedMs: Date.UTC(2026, 10, 21, 8),
  nowMs: Date.UTC(2026, 10, 21, 12),
  envid: 'QQ314159',
  results: [failed],
  original: Buffer.from('Subject: hello\r\nFrom: alice@example.org\r\n\r\nthe body\r\n'),
  messageId: '<20261121120000.A1B2C4@mail.example.org>',
}

const textOf = (message: Buffer, part: Part | undefined): string =>
  part === undefined ? '' : message.toString('utf8', part.bodyStart, part.bodyEnd)

test('RFC 3464 §2: a bounce in Postfix’s words', async () => {
  const bounce = composeBounce(input)
  const { structure, envelope } = scanMessage(bounce)
  assert.equal(`${structure.type}/${structure.subtype}`, 'multipart/report')
  assert.ok(
    structure.parameters.some(([name, value]) => name === 'report-type' && value === 'delivery-status'),
  )
  assert.equal(envelope.subject, 'Undelivered Mail Returned to Sender')
  assert.deepEqual(envelope.from, [
    { name: 'Mail Delivery System', mailbox: 'MAILER-DAEMON', host: 'mail.example.org' },
  ])
  assert.deepEqual(envelope.to, [{ name: undefined, mailbox: 'alice', host: 'example.org' }])
  assert.equal(findHeader(bounce, 'auto-submitted'), 'auto-replied')
  const notice = textOf(bounce, locatePart(structure, [1]))
  assert.ok(notice.startsWith('This is the mail system at host mail.example.org.\r\n'))
  assert.match(
    notice.replace(/\r\n {4}/g, ' '),
    /<nobody@example\.net> \(expanded from <Alias\+x@example\.org>\): host mx\.example\.net\[192\.0\.2\.1\] said: 550/,
  )
  const status = textOf(bounce, locatePart(structure, [2]))
  const groups = status
    .split('\r\n\r\n')
    .map((group) =>
      Object.fromEntries([...headerFields(group)].map((f) => [f.name, findHeader(group, f.name)])),
    )
  assert.deepEqual(groups[0], {
    'Reporting-MTA': 'dns; mail.example.org',
    'Original-Envelope-Id': 'QQ314159',
    'X-Posthorn-Queue-ID': 'A1B2C3',
    'X-Posthorn-Sender': 'rfc822; alice@example.org',
    'Arrival-Date': 'Sat, 21 Nov 2026 08:00:00 +0000',
  })
  assert.deepEqual(groups[1], {
    'Final-Recipient': 'rfc822; nobody@example.net',
    'Original-Recipient': 'rfc822; Alias+x@example.org',
    Action: 'failed',
    Status: '5.1.1',
    'Remote-MTA': 'dns; mx.example.net',
    'Diagnostic-Code': `smtp; ${failed.diagnostic}`,
  })
  const returned = locatePart(structure, [3])
  assert.equal(returned?.kind, 'message')
  assert.equal(textOf(bounce, returned), `Return-Path: <alice@example.org>\r\n${input.original}`)
  const parsed = await simpleParser(bounce)
  assert.equal(parsed.from?.value[0]?.address, 'MAILER-DAEMON@mail.example.org')
})

test('RFC 3461 §6.2: RET=HDRS and large messages return the header alone', () => {
  for (const change of [{ ret: 'HDRS' as const }, { maxOriginalBytes: 50 }]) {
    const bounce = composeBounce({ ...input, ...change })
    const part = locatePart(scanMessage(bounce).structure, [3])
    assert.equal(`${part?.type}/${part?.subtype}`, 'text/rfc822-headers')
    assert.ok(!bounce.includes('the body'))
  }
})

test('RFC 3464 §2.3.3: a delay warning says when it ends, a success what happened', () => {
  const delay = composeDelayWarning({
    ...input,
    results: [
      { ...failed, action: 'delayed', status: '4.4.1', diagnostic: 'connect to mx: Connection timed out' },
    ],
    retryUntilMs: Date.UTC(2026, 10, 26, 8),
  })
  const text = delay.toString()
  assert.match(text, /more than 4 hour\(s\)/)
  assert.match(text, /until it is 5 day\(s\) old/)
  assert.match(text, /\r\nAction: delayed\r\nStatus: 4\.4\.1\r\n/)
  assert.match(text, /\r\nWill-Retry-Until: Thu, 26 Nov 2026 08:00:00 \+0000\r\n/)
  assert.ok(!text.includes('the body'))
  const success = composeSuccess({
    ...input,
    results: [{ ...failed, action: 'relayed', status: '2.0.0', diagnostic: '250 ok' }],
  }).toString()
  assert.match(success, /\r\nAction: relayed\r\nStatus: 2\.0\.0\r\n/)
  assert.match(success, /\r\nDiagnostic-Code: smtp; 250 ok\r\n/)
})

test('a stranger’s reply, recipient and ENVID cannot add fields, groups or parts', () => {
  const hostile = 'x\r\nAction: delivered\r\n\r\nFinal-Recipient: rfc822; other@x\r\n--A1B2C3.1/report--\0'
  const bounce = composeBounce({
    ...input,
    envid: hostile,
    sender: `a@b\r\nBcc: c@d`,
    results: [
      {
        ...failed,
        diagnostic: hostile.repeat(500),
        recipient: hostile,
        originalRecipient: hostile,
        remoteMta: hostile,
        status: 'x\r\ny',
      },
    ],
    original: Buffer.from(`Subject: x\r\n\r\n--A1B2C3.${input.nowMs}/report--\r\n`),
  })
  const { structure } = scanMessage(bounce)
  assert.ok(structure.kind === 'multipart' && structure.children.length === 3)
  const status = textOf(bounce, structure.children[1])
  assert.equal(status.split('\r\n\r\n').length, 2)
  assert.equal((status.match(/^Action:/gm) ?? []).length, 1)
  assert.match(status, /^Status: 5\.0\.0\r$/m)
  assert.equal(findHeader(bounce, 'bcc'), undefined)
  for (const line of bounce.toString('latin1').split('\r\n')) assert.ok(line.length <= 998, `${line.length}`)
})

test('RFC 6533 §3: reports about SMTPUTF8 mail are global', () => {
  const bounce = composeBounce({
    ...input,
    smtpUtf8: true,
    sender: 'jörg@exämple.org',
    results: [{ ...failed, recipient: '用户@例子.广告' }],
  })
  const { structure } = scanMessage(bounce)
  assert.deepEqual(
    structure.kind === 'multipart' && structure.children.map((p) => `${p.type}/${p.subtype}`),
    ['text/plain', 'message/global-delivery-status', 'message/global'],
  )
  assert.match(bounce.toString(), /Final-Recipient: utf-8; 用户@例子\.广告/)
})

test('Postfix: enable_threaded_bounces: the report stands beside the message in a thread', () => {
  const withId = (field: string) =>
    composeBounce({
      ...input,
      threaded: 'yes',
      original: Buffer.from(`References: <1@a> <2@b>\r\n${field}Subject: hello\r\n\r\nx\r\n`),
    })
  const threaded = withId('Message-ID: <orig-3@c>\r\n')
  assert.equal(findHeader(threaded, 'references'), '<orig-3@c>')
  assert.equal(findHeader(threaded, 'in-reply-to'), '<orig-3@c>')
  assert.match(
    threaded.toString(),
    /\r\nTo: [^\r]*\r\nReferences: [^\r]*\r\nIn-Reply-To: [^\r]*\r\nAuto-Submitted:/,
  )
  for (const field of ['', 'Message-ID: none\r\n', 'Message-ID: <a b>\r\n'])
    assert.equal(findHeader(withId(field), 'in-reply-to'), undefined, field)
  assert.equal(findHeader(composeBounce({ ...input, original: threaded }), 'references'), undefined)
})
