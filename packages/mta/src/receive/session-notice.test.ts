import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SmtpSession } from '@posthorn/smtp'
import {
  forgetGoodMail,
  type NoticeOptions,
  remoteNotice,
  sessionNotice,
  troubleOf,
  wantsTranscripts,
} from './session-notice.ts'

const options: NoticeOptions = {
  classes: ['policy', 'bounce'],
  mailName: 'Posthorn',
  recipient: 'postmaster',
  bounceRecipient: 'bounces@example.org',
  sender: 'double-bounce@mx.example.org',
  origin: 'example.org',
}

test('Postfix: notify_classes: what a refusal is about', () => {
  for (const [code, status, text, trouble] of [
    [250, '2.1.0', 'Ok', undefined],
    [550, '5.1.1', '<x@y>: Recipient address rejected: User unknown in local recipient table', 'bounce'],
    [554, '5.7.1', '<x@y>: Relay access denied', 'policy'],
    [450, '4.1.8', '<x@y>: Sender address rejected: Domain not found', 'policy'],
    [451, '4.3.5', 'Server configuration error', 'software'],
    [451, '4.3.0', '<x@y>: Temporary lookup failure', 'data'],
    [451, '4.3.5', '<x@y>: Sender address rejected: Server configuration error', 'policy'],
    [452, '4.3.1', 'Insufficient system storage', 'resource'],
    [500, '5.5.2', 'Error: command not recognized', 'protocol'],
    [503, '5.5.1', 'Error: need RCPT command', 'protocol'],
    [501, '5.1.7', 'Bad sender address syntax', 'protocol'],
    [421, '4.3.2', 'mx Service shutting down', undefined],
    [421, '4.7.0', 'mx Error: too many connections', 'policy'],
  ] as const)
    assert.equal(troubleOf({ code, status, text }), trouble, text)
})

test('Postfix: smtpd_chat_notify(): the transcript of a session goes to postmaster, nothing in it ends a line', () => {
  const session = {
    transcript: ['Out: 220-hi\r\n220 there\r\n', 'In:  RCPT TO:<x@y>\rBcc: z', 'Out: 554 5.7.1 no'],
  } as Partial<SmtpSession> as SmtpSession
  assert.equal(wantsTranscripts(options), true)
  assert.equal(wantsTranscripts({ ...options, classes: ['2bounce', 'delay'] }), false)
  assert.equal(sessionNotice(session, new Set(['protocol']), 'c[192.0.2.1]', options), undefined)
  const notice = sessionNotice(session, new Set(['policy']), 'c[192.0.2.1]', options)
  assert.equal(notice?.recipient, 'postmaster')
  assert.equal(notice?.sender, 'double-bounce@mx.example.org')
  assert.match(
    notice?.message.toString() ?? '',
    /^From: MAILER-DAEMON@example\.org \(Mail Delivery System\)\r\nTo: postmaster@example\.org \(Postmaster\)\r\nSubject: Posthorn SMTP server: errors from c\[192\.0\.2\.1\]\r\n[\s\S]*\r\n\r\nTranscript of session follows\.\r\n\r\n Out: 220-hi\r\n Out: 220 there\r\n In: {2}RCPT TO:<x@y>.Bcc: z\r\n Out: 554 5\.7\.1 no\r\n/,
  )
  assert.equal(
    sessionNotice(session, new Set(['bounce']), 'c[192.0.2.1]', options)?.recipient,
    'bounces@example.org',
  )
})

test('of mails that went well nothing is kept but the beginning of the session; of the others all is', () => {
  const session = { transcript: ['Out: 220 mx', 'In:  EHLO a', 'Out: 250 mx'] }
  const state: Parameters<typeof forgetGoodMail>[1] = {}
  const mail = (...words: readonly string[]): void => {
    session.transcript.push('In:  MAIL')
    forgetGoodMail(session, state)
    session.transcript.push(...words)
  }
  for (let n = 0; n < 100; n++) mail('Out: 250 Ok', `In:  RCPT ${n}`, 'Out: 250 Ok')
  assert.deepEqual(session.transcript.slice(0, 5), [
    'Out: 220 mx',
    'In:  EHLO a',
    'Out: 250 mx',
    'In:  MAIL',
    'Out: 250 Ok',
  ])
  assert.deepEqual(session.transcript.slice(5), ['In:  RCPT 99', 'Out: 250 Ok'])
  state.trouble = new Set(['policy'])
  mail('Out: 250 Ok')
  assert.equal(session.transcript.length, 9)
})

test('Postfix: notify_classes = protocol: what is told of a session with another server', () => {
  const session = {
    remote: 'mx.far.test[192.0.2.1]:25',
    transcript: ['Out: MAIL FROM:<a@b>', 'In:  501 \x07no'],
  }
  assert.equal(remoteNotice(session, options), undefined)
  const notice = remoteNotice(session, { ...options, classes: ['protocol'] })
  assert.equal(notice?.recipient, 'postmaster')
  assert.match(
    notice?.message.toString() ?? '',
    /^From: MAILER-DAEMON@example\.org .*\r\nTo: postmaster@example\.org .*\r\nSubject: Posthorn SMTP client: errors from mx\.far\.test\[192\.0\.2\.1\]:25\r\nAuto-Submitted: auto-generated\r\n\r\nUnexpected response from mx\.far\.test\[192\.0\.2\.1\]:25\.\r\n\r\nTranscript of session follows\.\r\n\r\n Out: MAIL FROM:<a@b>\r\n In: {2}501 {2}no\r\n/,
  )
})
