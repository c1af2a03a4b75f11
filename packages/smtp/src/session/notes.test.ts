import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RecordingHandler } from '../handler-fixture.ts'
import { converse, lines } from './session-fixture.ts'

test('what was refused before anybody was asked stands in the log', async () => {
  const { handler } = await converse(
    'EHLO c\r\nMAIL FROM:<a b>\r\nMAIL FROM:<a@b> SIZE=99999999\r\nMAIL FROM:<a@b>\r\nRCPT TO:<>\r\nFOO\r\n',
  ).then((opened) => {
    opened.session.lost()
    return opened
  })
  const client = 'unknown[192.0.2.1]'
  assert.deepEqual(handler.notes, [
    `warning: Illegal address syntax from ${client} in MAIL command: <a b>`,
    `NOQUEUE: reject: MAIL from ${client}: 552 5.3.4 Message size exceeds fixed limit; from=<a@b> proto=ESMTP helo=<c>`,
    `warning: Illegal address syntax from ${client} in RCPT command: <>`,
    `lost connection after UNKNOWN from ${client}`,
  ])
})

test('a lost connection aborts the message and is logged once', async () => {
  const { session, handler } = await converse('MAIL FROM:<a@b>\r\nRCPT TO:<x@local.test>\r\nDATA\r\nabc')
  session.lost()
  session.lost()
  assert.deepEqual(handler.notes, ['lost connection after DATA (3 bytes) from unknown[192.0.2.1]'])
  assert.deepEqual(handler.aborts, ['lost connection'])
  assert.deepEqual(handler.disconnects, ['mail=1 rcpt=1 data=0/1'])
  assert.equal(handler.mails.length, 0)
  const after = await converse('MAIL FROM:<a@b>\r\nRCPT TO:<x@local.test>\r\nDATA\r\nabc\r\n.\r\n')
  after.session.lost()
  assert.deepEqual(after.handler.notes, ['lost connection after END-OF-MESSAGE from unknown[192.0.2.1]'])
})

test('Postfix: smtpd_command_filter, smtpd_noop_commands: what a client means, and what is let pass', async () => {
  const meant = new Map([
    ['HELO', 'HELO unnamed'],
    ['RCPT TO:<a b@local.test>', 'RCPT TO:<ab@local.test>'],
  ])
  const prepare = (handler: RecordingHandler): void => {
    Object.assign(handler, { command: (_session: unknown, line: string) => meant.get(line) ?? line })
  }
  const { wire, session } = await converse(
    'HELO\r\nFROBNICATE now\r\nMAIL FROM:<a@b>\r\nRCPT TO:<a b@local.test>\r\n',
    { prepare, options: { noopCommands: ['FROBNICATE'] } },
  )
  assert.deepEqual(lines(wire.out), ['250 mx.test', '250 2.0.0 Ok', '250 2.1.0 Ok', '250 2.1.5 Ok'])
  assert.equal(session.peer.helo, 'unnamed')
})

test('Postfix: HELO with blanks: all of it is the name', async () => {
  const { session } = await converse('HELO one  two\r\n')
  assert.equal(session.peer.helo, 'one?two')
})
