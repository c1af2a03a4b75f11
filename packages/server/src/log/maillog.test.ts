import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatMaillog, syslogTime } from './maillog.ts'

const names = { syslogName: 'postfix', hostname: 'mail', pid: 42 }
const at = new Date(2026, 10, 1, 9, 5, 7).getTime()

test('the time stamp is syslog’s (RFC 3164 §4.1.2)', () => assert.equal(syslogTime(at), 'Nov  1 09:05:07'))

test('a transfer line reads as Postfix writes it', () => {
  const line = formatMaillog(
    {
      level: 'info',
      service: 'qmgr',
      queueId: 'A1B2C3',
      text: 'from=<a@b>, size=512, nrcpt=1 (queue active)',
    },
    names,
    at,
  )
  assert.equal(
    line,
    'Nov  1 09:05:07 mail postfix/qmgr[42]: A1B2C3: from=<a@b>, size=512, nrcpt=1 (queue active)\n',
  )
})

test('a line of master.cf with a name of its own', () => {
  const line = formatMaillog(
    { level: 'info', service: 'smtp', syslogName: 'mx-out', text: 'to=<a@b>' },
    names,
    at,
  )
  assert.equal(line, 'Nov  1 09:05:07 mail mx-out/smtp[42]: to=<a@b>\n')
  const usual = formatMaillog({ level: 'info', service: 'smtp', text: 'to=<a@b>' }, names, at)
  assert.equal(usual, 'Nov  1 09:05:07 mail postfix/smtp[42]: to=<a@b>\n')
})

test('a reading line reads as Dovecot writes it', () => {
  const line = formatMaillog({ level: 'info', service: 'imap-login', text: 'Login: user=<a@b>' }, names, at)
  assert.equal(line, 'Nov  1 09:05:07 mail dovecot: imap-login: Login: user=<a@b>\n')
})

test('a stranger cannot write a line of his own', () => {
  const line = formatMaillog(
    {
      level: 'warning',
      service: 'smtpd',
      text: 'helo=<x\r\nNov  1 09:05:07 mail postfix/smtpd[1]: ok\x1b[2J\u2028>',
    },
    names,
    at,
  )
  assert.equal(line.split('\n').length, 2)
  assert.match(line, /warning: helo=<x\?\?Nov/)
  assert.ok(!line.includes('\x1b') && !line.includes('\u2028'))
})

test('a fault is logged with its stack on one line', () => {
  const line = formatMaillog(
    { level: 'error', service: 'smtpd', text: 'session fault', error: new Error('boom') },
    names,
    at,
  )
  assert.match(line, /error: session fault: Error: boom \| at /)
  assert.equal(line.indexOf('\n'), line.length - 1)
})
