/** The content of a message: DATA, BDAT, and what comes at its end. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { converse, lines } from './session-fixture.ts'

test('RFC 3030 §2: chunks become one message, whatever the split', async () => {
  const input =
    'MAIL FROM:<a@b>\r\nRCPT TO:<x@local.test>\r\nBDAT 4\r\nhi\r\nBDAT 7 LAST\r\n.\r\nbye\nNOOP\r\n'
  for (let step = 1; step <= input.length; step++) {
    const { handler, wire } = await converse(input, {}, step)
    assert.equal(handler.mails[0]?.text, 'hi\r\n.\r\nbye\r\n')
    assert.match(
      wire.out,
      /250 2\.0\.0 Ok: 4 bytes\r\n250 2\.0\.0 Ok: 12 bytes queued as ABC123\r\n250 2\.0\.0 Ok\r\n$/,
    )
  }
})

test('RFC 3030 §2: octets of a refused chunk are no commands', async () => {
  const { wire, handler } = await converse('BDAT 17 LAST\r\nMAIL FROM:<x@y>\r\nNOOP\r\n')
  assert.deepEqual(lines(wire.out), ['503 5.5.1 Error: need RCPT command', '250 2.0.0 Ok'])
  assert.equal(handler.mails.length, 0)
  const bad = await converse('BDAT x\r\nMAIL FROM:<x@y>\r\n')
  assert.deepEqual(lines(bad.wire.out), ['521 5.5.4 Syntax: BDAT count [LAST]'])
  assert.ok(bad.wire.ended)
})

test('RFC 5321 §4.5.2: message octets arrive as sent, whatever the split', async () => {
  const body = 'Subject: x\r\n\r\n..a\r\n\xe4\xf6\0\r\n.\r\n'
  const input = `MAIL FROM:<a@b>\r\nRCPT TO:<x@local.test>\r\nDATA\r\n${body}QUIT\r\n`
  for (let step = 1; step <= input.length; step++) {
    const { handler } = await converse(input, {}, step)
    assert.equal(handler.mails[0]?.text, 'Subject: x\r\n\r\n.a\r\n\xe4\xf6\0\r\n')
  }
})

test('RFC 2033 §4.2: LMTP answers the data for each accepted recipient', async () => {
  const { wire } = await converse(
    'LHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<1@local.test>\r\nRCPT TO:<2@else.test>\r\nRCPT TO:<3@local.test>\r\nDATA\r\nx\r\n.\r\n',
    {
      service: 'lmtp',
      prepare: (handler) => {
        handler.endReplies = (list) =>
          list.map(({ address }, i) => ({
            code: i === 0 ? 250 : 452,
            status: i === 0 ? '2.1.5' : '4.2.2',
            text: address,
          }))
      },
    },
  )
  assert.deepEqual(lines(wire.out).slice(-2), ['250 2.1.5 1@local.test', '452 4.2.2 3@local.test'])
})

test('message_size_limit: the message is read to its end and refused', async () => {
  const { wire, handler } = await converse(
    `MAIL FROM:<a@b>\r\nRCPT TO:<x@local.test>\r\nDATA\r\n${'0123456789\r\n'.repeat(100)}.\r\nNOOP\r\n`,
    { options: { messageSizeLimitBytes: 500 } },
    64,
  )
  assert.deepEqual(lines(wire.out).slice(-2), ['552 5.3.4 Error: message file too big', '250 2.0.0 Ok'])
  assert.deepEqual(handler.aborts, ['message too large'])
})
