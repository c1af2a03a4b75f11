import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RecordingHandler } from '../handler-fixture.ts'
import { converse, crlf, lines, type Setting, settle } from './session-fixture.ts'

interface Row {
  readonly what: string
  readonly say: string
  readonly hear: string
  readonly setting?: Setting
}

const rows: Row[] = [
  {
    what: 'RFC 5321 §4.1.1.1 EHLO',
    say: 'EHLO c.test\n',
    hear: '250-mx.test|250-PIPELINING|250-SIZE 10240000|250-VRFY|250-ETRN|250-ENHANCEDSTATUSCODES|250-8BITMIME|250-DSN|250-SMTPUTF8|250 CHUNKING',
  },
  {
    what: 'RFC 4954 §3, RFC 3207 §2 keywords',
    say: 'ehlo c.test\n',
    setting: {
      tlsAvailable: true,
      options: {
        authOnlyWithTls: 'no',
        brokenSaslAuthClients: 'yes',
        discardEhloKeywords: ['DSN', 'CHUNKING'],
        vrfy: 'disabled',
      },
    },
    hear: '250-mx.test|250-PIPELINING|250-SIZE 10240000|250-ETRN|250-STARTTLS|250-AUTH PLAIN LOGIN|250-AUTH=PLAIN LOGIN|250-ENHANCEDSTATUSCODES|250-8BITMIME|250 SMTPUTF8',
  },
  {
    what: 'RFC 5321 §4.1.1.1 HELO',
    say: 'helo\nHELO c.test\n',
    hear: '501 Syntax: HELO hostname|250 mx.test',
  },
  {
    what: 'telnet habits',
    say: '  mail from: a@b\nrcpt   to: x@local.test\nRSET\nmail FROM:<pkumar>\n',
    hear: '250 2.1.0 Ok|250 2.1.5 Ok|250 2.0.0 Ok|250 2.1.0 Ok',
  },
  {
    what: 'RFC 5321 §4.1.1.2 syntax',
    say: 'MAIL\nMAIL FROM\nMAIL FROM:\nMAIL FROM:<a b@c>\nMAIL FROM:<a@b\nMAIL TO:<a@b>\n',
    hear: '501 5.5.4 Syntax: MAIL FROM:<address>|501 5.5.4 Syntax: MAIL FROM:<address>|501 5.5.4 Syntax: MAIL FROM:<address>|501 5.1.7 Bad sender address syntax|501 5.1.7 Bad sender address syntax|501 5.5.4 Syntax: MAIL FROM:<address>',
  },
  {
    what: 'RFC 5321 §4.1.1.11 parameters',
    say: 'MAIL FROM:<a@b> FOO=1\nMAIL FROM:<a@b> BODY=X\nMAIL FROM:<a@b> SIZE=x\nMAIL FROM:<a@b> RET=X\nMAIL FROM:<a@b> ENVID=a+ZZ\nMAIL FROM:<a@b> AUTH=x\n',
    setting: { options: { auth: 'disabled' } },
    hear: '555 5.5.4 Unsupported option: FOO=1|555 5.5.4 Unsupported option: BODY=X|501 5.5.4 Bad message size syntax|501 5.5.4 Bad RET parameter syntax|501 5.5.4 Bad ENVID parameter syntax|250 2.1.0 Ok',
  },
  {
    what: 'RFC 5321 §4.1.2 paths, strict_rfc821_envelopes, smtputf8_enable = no',
    say: 'MAIL FROM:a@b\nMAIL FROM: <a@b> SMTPUTF8\nMAIL FROM: <a@b>\nRCPT TO:x@local.test\nRCPT TO:<x@local.test>\n',
    setting: { options: { envelopeSyntax: 'strict', smtpUtf8: 'no' } },
    hear: '501 5.1.7 Bad sender address syntax|555 5.5.4 Unsupported option: SMTPUTF8|250 2.1.0 Ok|501 5.1.3 Bad recipient address syntax|250 2.1.5 Ok',
  },
  {
    what: 'RFC 1870 §6.1 SIZE',
    say: 'MAIL FROM:<a@b> SIZE=99999999999999999999\nMAIL FROM:<a@b> SIZE=10240000 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=q+2B1 AUTH=<>\n',
    hear: '552 5.3.4 Message size exceeds fixed limit|250 2.1.0 Ok',
  },
  {
    what: 'RFC 5321 §4.1.4 order',
    say: 'RCPT TO:<x@local.test>\nDATA\nMAIL FROM:<a@b>\nMAIL FROM:<a@b>\nDATA\nRCPT TO:<x@else.test>\nDATA\n',
    hear: '503 5.5.1 Error: need MAIL command|503 5.5.1 Error: need RCPT command|250 2.1.0 Ok|503 5.5.1 Error: nested MAIL command|554 5.5.1 Error: no valid recipients|554 5.7.1 <x@else.test>: Relay access denied|554 5.5.1 Error: no valid recipients',
  },
  {
    what: 'Postfix: reports are refused in its words where dsn is not offered',
    setting: { options: { discardEhloKeywords: ['DSN'] } },
    say: 'HELO c\nMAIL FROM:<a@b> RET=HDRS\nMAIL FROM:<a@b> envid=1\nMAIL FROM:<a@b>\nRCPT TO:<x@local.test> NOTIFY=NEVER\nRCPT TO:<x@local.test> ORCPT=rfc822;a\n',
    hear: '250 mx.test|501 5.7.1 DSN support is disabled|501 5.7.1 DSN support is disabled|250 2.1.0 Ok|501 5.7.1 DSN support is disabled|501 5.7.1 DSN support is disabled',
  },
  {
    what: 'RFC 3461 §4.1 NOTIFY, ORCPT',
    say: 'MAIL FROM:<a@b>\nRCPT TO:<>\nRCPT TO:\nRCPT TO:<x@local.test> NOTIFY=NEVER,DELAY\nRCPT TO:<x@local.test> ORCPT=x\nRCPT TO:<x@local.test> FOO\nRCPT TO:<x@local.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;a+2Bb@c\n',
    hear: '250 2.1.0 Ok|501 5.1.3 Bad recipient address syntax|501 5.5.4 Syntax: RCPT TO:<address>|501 5.5.4 Error: Bad NOTIFY parameter syntax|501 5.5.4 Error: Bad ORCPT parameter syntax|555 5.5.4 Unsupported option: FOO|250 2.1.5 Ok',
  },
  {
    what: 'RFC 5321 §4.1.1.5 and on',
    say: 'RSET x\nNOOP x\nVRFY\nVRFY a@b\nVRFY a@b SMTPUTF8\nETRN x\nHELP\nFOO\n\nQUIT\n',
    hear: '501 5.5.4 Syntax: RSET|250 2.0.0 Ok|501 5.5.4 Syntax: VRFY address [SMTPUTF8]|252 2.0.0 a@b|252 2.0.0 a@b|459 <x>: service unavailable|500 5.5.2 Error: command not recognized|500 5.5.2 Error: command not recognized|500 5.5.2 Error: bad syntax|221 2.0.0 Bye',
  },
  {
    what: 'RFC 5321 §4.1.1.4 DATA',
    say: 'MAIL FROM:<a@b>\nRCPT TO:<x@local.test>\nDATA x\nDATA\nhi\n..\n.\nQUIT\n',
    hear: '250 2.1.0 Ok|250 2.1.5 Ok|501 5.5.4 Syntax: DATA|354 End data with <CR><LF>.<CR><LF>|250 2.0.0 Ok: queued as ABC123|221 2.0.0 Bye',
  },
  {
    what: 'RFC 3030 §2 BDAT',
    say: 'MAIL FROM:<a@b>\nRCPT TO:<x@local.test>\nBDAT 4\nhi\nDATA\nRCPT TO:<y@local.test>\nRSET\n',
    hear: '250 2.1.0 Ok|250 2.1.5 Ok|250 2.0.0 Ok: 4 bytes|503 5.5.1 Error: DATA after BDAT|503 5.5.1 Error: RCPT after BDAT|250 2.0.0 Ok',
  },
  {
    what: 'RFC 3030 §2 BDAT after a refused one',
    say: 'MAIL FROM:<a@b>\nBDAT 4\nhi\nRCPT TO:<y@local.test>\nDATA\nBDAT 3\na\nBDAT 1 LAST\nxMAIL FROM:<a@b>\nBDAT 0 LAST\nRCPT TO:<y@local.test>\n',
    hear: '250 2.1.0 Ok|554 5.5.1 Error: no valid recipients|503 5.5.1 Error: RCPT after BDAT|503 5.5.1 Error: DATA after BDAT|551 5.0.0 Discarded 3 bytes after earlier error|551 5.0.0 Discarded 1 bytes after earlier error|250 2.1.0 Ok|554 5.5.1 Error: no valid recipients|503 5.5.1 Error: need MAIL command',
  },
  {
    what: 'a header field where a command should be',
    say: 'NOOP\nSubject: x\nNOOP\n',
    hear: '250 2.0.0 Ok|221 2.7.0 Error: I can break rules, too. Goodbye.',
  },
  {
    what: 'smtpd_helo_required',
    say: 'AUTH PLAIN\nETRN x\nMAIL FROM:<a@b>\n',
    setting: { options: { heloRequired: 'yes' } },
    hear: '503 5.5.1 Error: send HELO/EHLO first|503 Error: send HELO/EHLO first|503 5.5.1 Error: send HELO/EHLO first',
  },
  {
    what: 'RFC 4954 §4 AUTH',
    say: 'EHLO c.test\nAUTH\nAUTH FOO\nAUTH PLAIN !!\nAUTH PLAIN AGFsaWNlAHdyb25n\nAUTH PLAIN AGFsaWNlAHNlY3JldA==\nAUTH PLAIN\n',
    setting: { inTls: true },
    hear: '250-mx.test|250-PIPELINING|250-SIZE 10240000|250-VRFY|250-ETRN|250-AUTH PLAIN LOGIN|250-ENHANCEDSTATUSCODES|250-8BITMIME|250-DSN|250-SMTPUTF8|250-CHUNKING|250 REQUIRETLS|501 5.5.4 Syntax: AUTH mechanism|535 5.7.8 Error: authentication failed: Invalid authentication mechanism|535 5.7.8 Error: authentication failed: invalid base64|535 5.7.8 Error: authentication failed|235 2.7.0 Authentication successful|503 5.5.1 Error: already authenticated',
  },
  {
    what: 'RFC 4954 §4 LOGIN step by step, cancel',
    say: 'HELO c\nAUTH LOGIN\nYWxpY2U=\n*\nAUTH LOGIN YWxpY2U=\nc2VjcmV0\n',
    setting: { inTls: true },
    hear: '250 mx.test|334 VXNlcm5hbWU6|334 UGFzc3dvcmQ6|501 5.7.0 Authentication aborted|334 UGFzc3dvcmQ6|235 2.7.0 Authentication successful',
  },
  {
    what: 'RFC 4954 §6 no password in the clear',
    say: 'HELO c\nAUTH PLAIN AGFsaWNlAHNlY3JldA==\n',
    setting: { tlsAvailable: true },
    hear: '250 mx.test|538 5.7.11 Encryption required for requested authentication mechanism',
  },
  {
    what: 'RFC 6409 §4.3 submission',
    say: 'HELO c\nMAIL FROM:<a@b>\n',
    setting: { service: 'submission', tlsAvailable: true },
    hear: '250 mx.test|530 5.7.0 Must issue a STARTTLS command first',
  },
  {
    what: 'RFC 6409 §4.3 submission in TLS',
    say: 'HELO c\nMAIL FROM:<a@b>\nAUTH PLAIN AGFsaWNlAHNlY3JldA==\nMAIL FROM:<a@b>\n',
    setting: { service: 'submission', inTls: true, tlsAvailable: true },
    hear: '250 mx.test|530 5.7.0 Authentication required|235 2.7.0 Authentication successful|250 2.1.0 Ok',
  },
  {
    what: 'RFC 3207 §4 TLS required',
    say: 'NOOP\nMAIL FROM:<a@b>\nSTARTTLS x\n',
    setting: { tlsAvailable: true, options: { tlsLevel: 'encrypt' } },
    hear: '250 2.0.0 Ok|530 5.7.0 Must issue a STARTTLS command first|501 5.5.4 Syntax: STARTTLS',
  },
  {
    what: 'RFC 2033 §4.1 LHLO',
    say: 'EHLO x\nHELO x\nLHLO x\n',
    setting: { service: 'lmtp' },
    hear: '500 5.5.2 Error: command not recognized|500 5.5.2 Error: command not recognized|250-mx.test|250-PIPELINING|250-SIZE 10240000|250-VRFY|250-ENHANCEDSTATUSCODES|250-8BITMIME|250-DSN|250-SMTPUTF8|250 CHUNKING',
  },
  {
    what: 'RFC 5321 §4.5.3.1.10 recipients',
    say: 'MAIL FROM:<a@b>\nRCPT TO:<1@local.test>\nRCPT TO:<2@local.test>\nRCPT TO:<3@local.test>\n',
    setting: { options: { recipientLimit: 2 } },
    hear: '250 2.1.0 Ok|250 2.1.5 Ok|250 2.1.5 Ok|452 4.5.3 Error: too many recipients',
  },
  {
    what: 'RFC 5321 §4.5.3.1.4 line length',
    say: `NOOP ${'x'.repeat(3000)}\nNOOP\n`,
    hear: '500 5.5.2 Error: line too long|250 2.0.0 Ok',
  },
]

for (const { what, say, hear, setting } of rows) {
  const input = crlf(say)
  test(`session, ${what}`, async () => {
    assert.equal(lines((await converse(input, setting)).wire.out).join('|'), hear)
  })
  test(`session, ${what}, one octet at a time`, async () => {
    assert.equal(lines((await converse(input, setting, 1)).wire.out).join('|'), hear)
  })
}

test('RFC 2920 §3.1: replies to pipelined commands leave in one write', async () => {
  const { wire } = await converse(
    'MAIL FROM:<a@b>\r\nRCPT TO:<x@local.test>\r\nRCPT TO:<y@local.test>\r\nDATA\r\n',
  )
  assert.equal(wire.writes, 2)
  assert.equal(lines(wire.out).length, 4)
})

test('RFC 3207 §4.2: plaintext behind STARTTLS is dropped, state forgotten', async () => {
  const { wire, session, handler, tls } = await converse(
    'EHLO c\r\nMAIL FROM:<a@b>\r\nSTARTTLS\r\nRCPT TO:<x@local.test>\r\nNOOP\r\n',
    { tlsAvailable: true },
  )
  assert.match(wire.out, /220 2\.0\.0 Ready to start TLS\r\n$/)
  assert.equal(wire.handshakes, 1)
  const before = wire.out.length
  session.push(Buffer.from('NOOP\r\nMAIL '))
  session.secured(tls)
  await settle()
  assert.equal(wire.out.length, before)
  session.push(Buffer.from('NOOP2\r\nRCPT TO:<x@local.test>\r\nSTARTTLS\r\n'))
  await settle()
  assert.deepEqual(lines(`x\r\n${wire.out.slice(before)}`), [
    '500 5.5.2 Error: command not recognized',
    '503 5.5.1 Error: need MAIL command',
    '554 5.5.1 Error: TLS already active',
  ])
  assert.equal(session.peer.helo, '')
  assert.deepEqual(handler.aborts, ['STARTTLS'])
})

test('RFC 3848, RFC 6531 §4.3: protocol names', async () => {
  const say = (hello: string, mail: string) =>
    `${hello} c\r\nMAIL FROM:<a@b>${mail}\r\nRCPT TO:<x@local.test>\r\nDATA\r\n.\r\n`
  for (const [input, setting, expect] of [
    [say('HELO', ''), {}, 'SMTP'],
    [say('EHLO', ''), {}, 'ESMTP'],
    [say('EHLO', ''), { inTls: true }, 'ESMTPS'],
    [`EHLO c\r\nAUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n${say('EHLO', '')}`, { inTls: true }, 'ESMTPSA'],
    [say('EHLO', ' SMTPUTF8'), { inTls: true }, 'UTF8SMTPS'],
    [say('LHLO', ''), { service: 'lmtp' }, 'LMTP'],
  ] as const) {
    assert.equal((await converse(input, setting)).handler.mails[0]?.protocol, expect)
  }
})

test('cross-protocol: an HTTP request is answered once and dropped', async () => {
  for (const request of [
    'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
    'Subject: a message after a refused DATA\r\n\r\nMAIL FROM:<a@b>\r\n',
    'POST /x\r\nMAIL FROM:<a@b>\r\n',
    '\x16\x03\x01\x02\r\n',
  ]) {
    const { wire, handler } = await converse(request)
    assert.deepEqual(lines(wire.out), ['221 2.7.0 Error: I can break rules, too. Goodbye.'])
    assert.match(handler.notes[0] ?? '', /^warning: non-SMTP command from unknown\[192\.0\.2\.1\]: /)
  }
})

test('smtpd_forbid_unauth_pipelining: strangers wait for the answer to EHLO', async () => {
  const stranger = {
    prepare: (handler: RecordingHandler) => {
      handler.trusted = false
    },
  }
  const { wire, handler } = await converse('EHLO c\r\nMAIL FROM:<a@b>\r\n', stranger)
  assert.deepEqual(lines(wire.out), ['554 5.5.0 Error: SMTP protocol synchronization'])
  assert.match(
    handler.notes[0] ?? '',
    /^improper command pipelining after EHLO from unknown\[192\.0\.2\.1\]: MAIL FROM/,
  )
  const trusted = await converse('EHLO c\r\nMAIL FROM:<a@b>\r\n')
  assert.match(trusted.wire.out, /250 2\.1\.0 Ok\r\n$/)
})

test('RFC 6531 §3.1: octets that are not UTF-8 are no command, unless smtputf8_enable = no', async () => {
  const input = 'MAIL FROM:<\xfc@b>\r\nNOOP\r\n'
  assert.deepEqual(lines((await converse(input)).wire.out), [
    '500 5.5.2 Error: bad UTF-8 syntax',
    '250 2.0.0 Ok',
  ])
  const plain = await converse(input, { options: { smtpUtf8: 'no' } })
  assert.deepEqual(lines(plain.wire.out), ['250 2.1.0 Ok', '250 2.0.0 Ok'])
})

test('a handler that throws: 451, logged, the session goes on', async () => {
  const { wire, faults } = await converse('VRFY x\r\nMAIL FROM:<a@b>\r\nNOOP\r\n', {
    prepare: (handler) => {
      handler.vrfy = () => {
        throw new Error('broken')
      }
      handler.mail = () => Promise.reject(new Error('broken too'))
    },
  })
  assert.deepEqual(lines(wire.out), [
    '451 4.3.0 Error: internal error',
    '451 4.3.0 Error: internal error',
    '250 2.0.0 Ok',
  ])
  assert.equal(faults.length, 2)
})

test('closing service: 421 at the next command, not in the middle of a message', async () => {
  const opened = await converse('MAIL FROM:<a@b>\r\nRCPT TO:<x@local.test>\r\nDATA\r\nabc')
  opened.close()
  opened.session.shutDown()
  opened.session.push(Buffer.from('\r\n.\r\n'))
  await settle()
  assert.match(opened.wire.out, /250 2\.0\.0 Ok: queued as ABC123\r\n$/)
  opened.session.push(Buffer.from('MAIL FROM:<a@b>\r\n'))
  assert.match(opened.wire.out, /421 4\.3\.2 mx\.test Service shutting down\r\n$/)
})

test("replies never carry the client's control characters", async () => {
  const { wire } = await converse('VRFY a\x01b\rc\x7f\r\nMAIL FROM:<a@b> X\x0bY\r\n')
  assert.deepEqual(lines(wire.out), ['252 2.0.0 a?b?c?', '555 5.5.4 Unsupported option: X?Y'])
})

test('AUTH that comes to no password is in the log, in the words that Postfix has for it', async () => {
  const { handler } = await converse('EHLO c\r\nAUTH FOO\r\nAUTH LOGIN\r\n*\r\n', { inTls: true })
  assert.deepEqual(handler.notes, [
    'warning: unknown[192.0.2.1]: SASL FOO authentication failed: Invalid authentication mechanism, sasl_username=(unavailable)',
    'warning: unknown[192.0.2.1]: SASL LOGIN authentication aborted',
  ])
})
